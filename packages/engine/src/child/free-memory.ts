import { readFile } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import type { Llama } from "node-llama-cpp";
import type { Memory } from "./memory-fit.ts";

/** Bytes that a control group's processes hold for good: file pages count as used there, though they are given back on demand. */
export function heldBytes(memoryStat: string): number {
  const fields = new Map(memoryStat.split("\n").map((line) => line.split(" ") as [string, string]));
  return ["anon", "kernel_stack", "pagetables", "shmem"].reduce((sum, field) => sum + Number(fields.get(field) ?? 0), 0);
}

/** RAM that can still be taken, within the container's limit where there is one. */
async function freeRam(): Promise<number> {
  const limit = process.constrainedMemory();
  if (limit === 0 || limit >= totalmem()) return freemem();
  const stat = await readFile("/sys/fs/cgroup/memory.stat", "utf8").catch(() => "");
  return Math.max(0, Math.min(freemem(), limit - heldBytes(stat)));
}

/** @param heldBytes of the memory that models share, which count as free */
export async function freeMemory(llama: Llama, heldBytes = 0): Promise<Memory> {
  const ram = await freeRam();
  if (llama.gpu === false) return { ram: ram + heldBytes, vram: 0 };
  return { ram, vram: (await llama.getVramState()).free + heldBytes };
}

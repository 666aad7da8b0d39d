import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { LayoutChoice } from "./choose-layout.ts";
import type { SlotChoice, SlotRange } from "./choose-slots.ts";

/** Everything a measurement depends on; another machine, model or library measures anew. */
export interface LayoutKey {
  model: string;
  slots: SlotRange;
  contexts: number | undefined;
  mostContexts: number;
  threads: number | undefined;
  /** Release of llama.cpp, its back end and the devices. */
  backend: string;
}

const VERSION = 5;

/** What was measured of a model on a machine. */
export type Measured = LayoutChoice & SlotChoice;

function fileOf(folder: string, key: LayoutKey): string {
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: availableParallelism() };
  const hash = createHash("sha256")
    .update(JSON.stringify({ VERSION, machine, ...key }))
    .digest("hex");
  return join(folder, `layout-${hash.slice(0, 16)}.json`);
}

function isMeasured(value: unknown): value is Measured {
  const { contexts, threads, prefillThreads, prefillRate, slots, tried, triedSlots } = (value ?? {}) as Partial<Measured>;
  if (typeof prefillRate !== "number" && prefillRate !== null) return false;
  return [contexts, threads, prefillThreads, slots].every(Number.isInteger) && Array.isArray(tried) && Array.isArray(triedSlots);
}

/** The layout measured before under the same conditions; null when there is none that can be read. */
export async function cachedLayout(folder: string, key: LayoutKey): Promise<Measured | null> {
  try {
    const value: unknown = JSON.parse(await readFile(fileOf(folder, key), "utf8"));
    return isMeasured(value) ? value : null;
  } catch {
    return null;
  }
}

/** Keeps a measurement. Whole or not at all: a process that dies half-way leaves no half file under the name. */
export async function keepLayout(folder: string, key: LayoutKey, choice: Measured): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = fileOf(folder, key);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(choice)}\n`);
  await rename(draft, path);
}

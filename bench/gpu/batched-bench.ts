import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import type { GpuChoice } from "@llamero/engine";
import { z } from "zod";
import type { Course } from "../engine/contestant.ts";
import type { Load } from "../engine/measure.ts";

/** A line of `--output-format jsonl`: tokens, seconds, and tokens per second. */
const rowSchema = z.object({
  pp: z.int(),
  tg: z.int(),
  pl: z.int(),
  t_pp: z.number().positive(),
  t_tg: z.number().positive(),
  t: z.number().positive(),
  /** Of the generation alone: llama-batched-bench's S_TG. */
  speed_tg: z.number().positive(),
  /** Of prompt and completion tokens together: its S. */
  speed: z.number().positive(),
});
export type BatchedBenchRow = z.infer<typeof rowSchema>;

/** llama.cpp's name of the first device; a device that is not there is an error, not a run on the CPU. */
const devices: Record<Exclude<GpuChoice, "auto">, string> = { cuda: "CUDA0", metal: "MTL0", vulkan: "Vulkan0", false: "none" };

/**
 * The last row of the output: the load is run twice, since the first run pays for kernels that are loaded when first used.
 * @throws Error when the load was not run
 */
export function lastRow(output: string, { slots, promptTokens, tokens }: Load): BatchedBenchRow {
  const rows = output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => rowSchema.parse(JSON.parse(line)));
  const row = rows.findLast(({ pp, tg, pl }) => pp === promptTokens && tg === tokens && pl === slots);
  if (row === undefined) throw new Error(`llama-batched-bench did not measure ${slots} × (${promptTokens} + ${tokens}) tokens`);
  return row;
}

/** All prompts at once, then a token for each in every step; no sampling, no text. What our engine could reach at best. */
export async function runBatchedBench(binary: string, course: Course, load: Load): Promise<BatchedBenchRow> {
  const { path, slots, contextSize, threads, gpu } = course;
  if (gpu === "auto") throw new Error("llama-batched-bench needs one backend to be named");
  const device = ["--device", devices[gpu], "--n-gpu-layers", gpu === "false" ? "0" : "999"];
  const size = ["--ctx-size", slots * contextSize, "--threads", threads ?? availableParallelism()];
  const work = ["-npp", load.promptTokens, "-ntg", load.tokens, "-npl", `${slots},${slots}`];
  const args = ["--model", path, ...device, ...size, ...work, "--flash-attn", "on", "--output-format", "jsonl"].map(String);
  const { stdout } = await promisify(execFile)(binary, args, { maxBuffer: 2 ** 24 });
  return lastRow(stdout, load);
}

import { benchModel } from "../models/bench-model.ts";
import type { Claim, Findings } from "../prove/report.ts";
import { type Cell, compare } from "./compare.ts";
import { type EngineProofOptions, NO_REDIS } from "./engine-proof.ts";
import { figuresOf, ratiosOf } from "./figures.ts";
import type { BenchSettings } from "./settings.ts";

interface Pledge {
  /** A ratio's name, or the engine's batch occupancy. */
  name: string;
  slots: number;
  atLeast: number;
}

const OCCUPANCY = "batch occupancy";

/** Model → what is promised of it, at 64 prompt and 64 completion tokens on two cores. */
const promises: Record<string, Pledge[]> = {
  "100m": [8, 16, 32].flatMap((slots) => [
    { name: "whole path / engine", slots, atLeast: 0.95 },
    { name: "engine / node-llama-cpp", slots, atLeast: 2 },
    { name: "engine / llama-server", slots, atLeast: { 8: 0.9, 16: 1, 32: 1.05 }[slots] ?? 1 },
    { name: OCCUPANCY, slots, atLeast: 0.97 },
  ]),
  "15m": [
    { name: "engine / llama-server", slots: 16, atLeast: 0.9 },
    { name: "engine / llama-server", slots: 32, atLeast: 1.1 },
  ],
  tiny: [{ name: "whole path / engine", slots: 2, atLeast: 0.5 }],
};

const FULL_MODELS = ["100m", "15m"];
const QUICK_MODELS = ["tiny"];

function settingsOf(model: string, options: EngineProofOptions): BenchSettings {
  const { isQuick, seed, gpu = "false", threads = isQuick ? 1 : null, contexts = isQuick ? 1 : null } = options;
  const size = isQuick ? { prompts: [16], tokens: 8, rounds: 1 } : { prompts: [64], tokens: 64, rounds: 5 };
  const slots = [...new Set(promises[model]?.map((promise) => promise.slots))];
  return { ...size, model, slots, seed, threads, contexts, gpu, isQuick, llamaServer: options.llamaServer ?? null, out: null };
}

/** What was measured of a promise; null when its contestants did not run or nothing counted it. */
function measured(cell: Cell, name: string): number | null {
  if (name !== OCCUPANCY) return ratiosOf(cell).find((ratio) => ratio.name === name)?.value ?? null;
  return figuresOf(cell).find((line) => line.contestant === "engine")?.batch_occupancy ?? null;
}

function claimsOf(model: string, cells: readonly Cell[]): Claim[] {
  return (promises[model] ?? []).flatMap(({ name, slots, atLeast }) => {
    const cell = cells.find(({ load }) => load.slots === slots);
    const value = cell === undefined ? null : measured(cell, name);
    const text = `${model}, ${slots} slots: ${name} is at least ${atLeast}`;
    return value === null ? [] : [{ text, value, passed: value >= atLeast }];
  });
}

/** Name and unit → tokens per second and the main thread's time per token, of each contestant under each load. */
function throughputs(model: string, cells: readonly Cell[]): Record<string, number> {
  const lines = cells.flatMap(figuresOf).flatMap(({ contestant, slots, tokens_per_s, loop_us_per_token }) => {
    const name = `${model}, ${slots} slots, ${contestant}`;
    const loop: [string, number][] = loop_us_per_token === null ? [] : [[`${name}: main thread us/token`, loop_us_per_token]];
    return [[`${name}: tokens/s`, tokens_per_s] as [string, number], ...loop];
  });
  return Object.fromEntries(lines);
}

/** The engine keeps pace with llama.cpp's own server, and the queue before it costs almost nothing. */
export async function proveThroughput(options: EngineProofOptions): Promise<Findings> {
  const findings: Findings = { redisVersion: NO_REDIS, figures: {}, claims: [] };
  for (const model of options.isQuick ? QUICK_MODELS : FULL_MODELS) {
    const { cells, failures } = await compare(settingsOf(model, options), await benchModel(model), options.log);
    if (failures.length > 0) throw new Error(failures.join("; "));
    Object.assign(findings.figures, throughputs(model, cells));
    findings.claims.push(...claimsOf(model, cells));
  }
  return findings;
}

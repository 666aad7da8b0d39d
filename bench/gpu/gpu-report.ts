import { cpus, totalmem } from "node:os";
import { basename } from "node:path";
import { type Figures, figuresOf } from "../engine/figures.ts";
import type { Load, Measurement } from "../engine/measure.ts";
import { median } from "../engine/statistics.ts";
import type { BackendInUse } from "./backend-in-use.ts";
import type { BatchedBenchRow } from "./batched-bench.ts";
import type { GpuBenchSettings } from "./gpu-settings.ts";

/** One load, measured in turns. */
export interface GpuCell {
  load: Load;
  layout: string;
  rounds: { engine: Measurement; baseline: BatchedBenchRow }[];
}

/** Engine ÷ llama-batched-bench, each the median of the rounds' quotients of completion tokens per second. */
export interface GpuRatio {
  slots: number;
  prompt_tokens: number;
  /** Both with the time their prompts took: the engine's throughput ÷ completion tokens over T (T_PP + T_TG). */
  with_prompts: number;
  /** The baseline without that time: the engine's throughput ÷ S_TG. Like with like only where prompts are short. */
  against_generation_alone: number;
}

export interface GpuReport {
  name: string;
  quick: boolean;
  seed: number;
  date: string;
  commit: string;
  machine: { cpu: string; cores: number; memory_gib: number; node: string };
  backend: BackendInUse;
  settings: Omit<GpuBenchSettings, "batchedBench" | "commit" | "llamaServer" | "out" | "seed" | "isQuick">;
  figures: Figures[];
  baseline: BatchedBenchRow[];
  ratios: GpuRatio[];
}

export function ratioOf({ load, rounds }: GpuCell): GpuRatio {
  const quotients = (base: (row: BatchedBenchRow) => number) =>
    median(rounds.map(({ engine, baseline }) => engine.tokensPerSecond / base(baseline)));
  return {
    slots: load.slots,
    prompt_tokens: load.promptTokens,
    with_prompts: quotients(({ pl, tg, t }) => (pl * tg) / t),
    against_generation_alone: quotients(({ speed_tg }) => speed_tg),
  };
}

function engineFigures({ load, layout, rounds }: GpuCell): Figures[] {
  const measured = new Map([["engine", rounds.map(({ engine }) => engine)]]);
  return figuresOf({ load, rounds: measured, layouts: new Map([["engine", layout]]) });
}

export function gpuReport(settings: GpuBenchSettings, backend: BackendInUse, cells: readonly GpuCell[]): GpuReport {
  const { batchedBench: _binary, llamaServer: _server, out: _out, commit, seed, isQuick, ...kept } = settings;
  const processors = cpus();
  const model = basename(settings.model, ".gguf");
  return {
    name: `gpu-${model}`,
    quick: isQuick,
    seed,
    date: new Date().toISOString(),
    commit,
    machine: {
      cpu: processors[0]?.model ?? "unknown",
      cores: processors.length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    backend,
    settings: { ...kept, model },
    figures: cells.flatMap(engineFigures),
    baseline: cells.flatMap(({ rounds }) => rounds.map(({ baseline }) => baseline)),
    ratios: cells.map(ratioOf),
  };
}

/** The report as lines for people. */
export function gpuTable({ name, backend, figures, ratios }: GpuReport): string[] {
  const { gpu, devices, build, llama_cpp } = backend;
  return [
    `${name} on ${[gpu || "CPU", ...devices].join(", ")}; llama.cpp ${llama_cpp}, ${build}`,
    ...ratios.map((ratio, index) => {
      const { slots, prompt_tokens, with_prompts, against_generation_alone } = ratio;
      const rate = figures[index]?.tokens_per_s.toFixed(0);
      const quotients = `${with_prompts.toFixed(2)} with prompts, ${against_generation_alone.toFixed(2)} of generation alone`;
      return `prompt ${prompt_tokens}, ${slots} slots: ${rate} tokens/s, engine / batched-bench = ${quotients}`;
    }),
  ];
}

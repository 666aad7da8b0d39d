import { parseArgs } from "node:util";
import { type GpuChoice, gpuChoices } from "@llamero/engine";

export interface BenchSettings {
  /** A preset's name, `tiny` or a path. */
  model: string;
  slots: number[];
  /** Prompt lengths in tokens. */
  prompts: number[];
  tokens: number;
  rounds: number;
  seed: number;
  /** Per context; null: our engine chooses, the others take every core. */
  threads: number | null;
  /** Of our engine; null: it chooses. */
  contexts: number | null;
  gpu: GpuChoice;
  /** The binary; null leaves that contestant out. */
  llamaServer: string | null;
  isQuick: boolean;
  out: string | null;
}

export const USAGE = `Usage: npm run bench -- engine [options]
  --model NAME          15m, 100m, 1b (random weights, made on first use), tiny, or a GGUF file (default 100m)
  --slots LIST          jobs at once (default 1,8,16,32)
  --prompt LIST         prompt tokens per job (default 64,512)
  --tokens N            completion tokens per job (default 64)
  --rounds N            rounds, each of which measures every contestant once (default 5)
  --threads N           threads that decode, per context (default: our engine chooses, the others take every core)
  --contexts N          contexts that our engine spreads the slots over (default: it chooses)
  --gpu BACKEND         ${gpuChoices.join(", ")} (default false: the CPU)
  --llama-server PATH   measures this llama-server too
  --seed N              of the prompts (default 1)
  --out FOLDER          where the report goes (default bench/results)
  --quick               a small run on the tiny model that shows that the benchmark works`;

/** One thread, so that a busy machine does not make it slow: llama.cpp's threads spin while they wait for each other. */
const QUICK = { model: "tiny", slots: "2", prompt: "16", tokens: "8", rounds: "1", threads: "1", contexts: "1" };
const FULL = {
  model: "100m",
  slots: "1,8,16,32",
  prompt: "64,512",
  tokens: "64",
  rounds: "5",
  threads: undefined,
  contexts: undefined,
};

function positive(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`--${name} must be a positive whole number, not "${text}"`);
}

function list(name: string, text: string): number[] {
  return text.split(",").map((part) => positive(name, part.trim()));
}

function gpuOf(text: string): GpuChoice {
  const choice = gpuChoices.find((name) => name === text);
  if (choice === undefined) throw new Error(`--gpu must be one of ${gpuChoices.join(", ")}, not "${text}"`);
  return choice;
}

/** @throws Error that says which argument is wrong */
export function parseSettings(args: readonly string[]): BenchSettings {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{
        model: text,
        slots: text,
        prompt: text,
        tokens: text,
        rounds: text,
        threads: text,
        contexts: text,
        gpu: text,
        seed: text,
        out: text,
      },
      "llama-server": text,
      quick: { type: "boolean", default: false },
    },
  });
  const defaults = values.quick ? QUICK : FULL;
  const threads = values.threads ?? defaults.threads;
  const contexts = values.contexts ?? defaults.contexts;
  return {
    model: values.model ?? defaults.model,
    slots: list("slots", values.slots ?? defaults.slots),
    prompts: list("prompt", values.prompt ?? defaults.prompt),
    tokens: positive("tokens", values.tokens ?? defaults.tokens),
    rounds: positive("rounds", values.rounds ?? defaults.rounds),
    seed: positive("seed", values.seed ?? "1"),
    threads: threads === undefined ? null : positive("threads", threads),
    contexts: contexts === undefined ? null : positive("contexts", contexts),
    gpu: gpuOf(values.gpu ?? "false"),
    llamaServer: values["llama-server"] ?? null,
    isQuick: values.quick,
    out: values.out ?? null,
  };
}

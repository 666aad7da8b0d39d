import { type BenchSettings, parseSettings } from "../engine/settings.ts";

export interface GpuBenchSettings extends BenchSettings {
  /** The binary of llama-batched-bench. */
  batchedBench: string;
  /** The commit that is measured, in words. */
  commit: string;
}

export const USAGE = `Usage: npm run bench -- gpu --batched-bench PATH [options]
  --batched-bench PATH  llama-batched-bench, of the same llama.cpp, built with the same flags
  --commit TEXT         names what is measured in the report
  --gpu BACKEND         cuda, metal, vulkan, false (default cuda); the run ends when it is not in use
  --model NAME          as for the engine benchmark (default 1b)
  --slots LIST          jobs at once (default 16,32,64)
  --prompt LIST         prompt tokens per job (default 8,64,512)
  --tokens, --rounds, --threads, --contexts, --seed, --out, --quick as for the engine benchmark`;

const GPU = ["--gpu", "cuda"];
const FULL = ["--model", "1b", "--slots", "16,32,64", "--prompt", "8,64,512"];

/** Takes `--name VALUE` out of the arguments. */
function take(args: string[], name: string): string | undefined {
  const at = args.indexOf(`--${name}`);
  return at === -1 ? undefined : args.splice(at, 2)[1];
}

/** @throws Error that says which argument is wrong */
export function parseGpuSettings(all: readonly string[]): GpuBenchSettings {
  const args = [...all];
  const batchedBench = take(args, "batched-bench");
  const commit = take(args, "commit") ?? "unknown";
  const settings = parseSettings([...GPU, ...(args.includes("--quick") ? [] : FULL), ...args]);
  if (batchedBench === undefined) throw new Error("--batched-bench must name the binary to compare with");
  if (settings.gpu === "auto") throw new Error("--gpu must name one backend, for auto could end up on the CPU");
  if (settings.llamaServer !== null) throw new Error("--llama-server belongs to the engine benchmark");
  return { ...settings, batchedBench, commit };
}

import { runEngineBench } from "./engine/run-bench.ts";
import { runPack } from "./gpu/pack.ts";
import { runGpuBench } from "./gpu/run-gpu-bench.ts";

/** Name → benchmark; each takes its arguments and gives the exit code. */
const benchmarks: Record<string, (args: readonly string[], log: (line: string) => void) => Promise<number>> = {
  engine: runEngineBench,
  gpu: runGpuBench,
  "gpu-pack": runPack,
};

const [name = "", ...args] = process.argv.slice(2);
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (benchmark === undefined) {
  console.log(`Usage: npm run bench -- NAME [options]\nNAME is one of: ${Object.keys(benchmarks).join(", ")}`);
  process.exitCode = 2;
} else {
  process.exitCode = await benchmark(args, (line) => console.log(line));
}

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Course } from "../engine/contestant.ts";
import { openEngineAlone } from "../engine/engine-alone.ts";
import { addedTokens, type Load, measure } from "../engine/measure.ts";
import { Prompts } from "../engine/prompts.ts";
import { benchModel } from "../models/bench-model.ts";
import { assertInUse, backendInUse } from "./backend-in-use.ts";
import { runBatchedBench } from "./batched-bench.ts";
import { type GpuCell, type GpuReport, gpuReport, gpuTable } from "./gpu-report.ts";
import { type GpuBenchSettings, parseGpuSettings, USAGE } from "./gpu-settings.ts";

/** Jobs per slot after the warm-up; a GPU needs more of them than a CPU for a window of some seconds. */
const WAVES = { full: 16, quick: 4 };
/** llama.cpp rounds contexts up to this many tokens. */
const CONTEXT_STEP = 256;

type Log = (line: string) => void;

function loadsOf({ prompts, slots, tokens, isQuick }: GpuBenchSettings): Load[] {
  const waves = isQuick ? WAVES.quick : WAVES.full;
  return prompts.flatMap((promptTokens) => slots.map((count) => ({ slots: count, promptTokens, tokens, waves })));
}

function courseOf({ threads, contexts, gpu }: GpuBenchSettings, at: { path: string; dataDir: string }, load: Load): Course {
  const contextSize = Math.ceil((load.promptTokens + load.tokens + 1) / CONTEXT_STEP) * CONTEXT_STEP;
  return { ...at, slots: load.slots, contextSize, threads, contexts, gpu };
}

/** The load that takes the most memory. */
function largest(courses: readonly Course[]): Course {
  return courses.reduce((most, course) => (course.slots * course.contextSize > most.slots * most.contextSize ? course : most));
}

/** Engine and baseline in turns, so that both meet the machine in the same states. */
async function measureCell(settings: GpuBenchSettings, course: Course, load: Load, log: Log): Promise<GpuCell> {
  const prompts = await Prompts.of(course.path, settings.seed);
  const engine = await openEngineAlone(course);
  const cell: GpuCell = { load, layout: engine.layout, rounds: [] };
  try {
    const added = await addedTokens(engine, prompts);
    for (let round = 1; round <= settings.rounds; round++) {
      const measured = await measure(engine, load, prompts, added);
      const baseline = await runBatchedBench(settings.batchedBench, course, load);
      cell.rounds.push({ engine: measured, baseline });
      const rates = `engine ${measured.tokensPerSecond.toFixed(0)}, batched-bench ${baseline.speed_tg.toFixed(0)} tokens/s`;
      log(`${load.slots} slots, prompt ${load.promptTokens}, round ${round}: ${rates}`);
    }
    return cell;
  } finally {
    await engine.close();
  }
}

async function measureAll(settings: GpuBenchSettings, dataDir: string, log: Log): Promise<GpuReport> {
  const at = { path: await benchModel(settings.model), dataDir };
  const loads = loadsOf(settings);
  const backend = await backendInUse(largest(loads.map((load) => courseOf(settings, at, load))));
  assertInUse(settings.gpu, backend);
  const cells: GpuCell[] = [];
  for (const load of loads) cells.push(await measureCell(settings, courseOf(settings, at, load), load, log));
  return gpuReport(settings, backend, cells);
}

async function writeReport(report: GpuReport, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${report.name}${report.quick ? ".quick" : ""}.json`);
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

/** Measures the engine on a GPU against llama.cpp's own batched bench and writes the report. Gives the exit code. */
export async function runGpuBench(args: readonly string[], log: Log): Promise<number> {
  let settings: GpuBenchSettings;
  try {
    settings = parseGpuSettings(args);
  } catch (error) {
    log(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return 2;
  }
  const dataDir = await mkdtemp(join(tmpdir(), "llamero-bench-"));
  try {
    const report = await measureAll(settings, dataDir, log);
    const file = await writeReport(report, settings.out ?? join(import.meta.dirname, "..", "results"));
    for (const line of [...gpuTable(report), file]) log(line);
    return 0;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

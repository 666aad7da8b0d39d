import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contestant, Course } from "./contestant.ts";
import { openEngineAlone } from "./engine-alone.ts";
import { openLlamaServer } from "./llama-server.ts";
import { addedTokens, type Load, type Measurement, measure } from "./measure.ts";
import { openNodeLlamaCpp } from "./node-llama-cpp.ts";
import { Prompts } from "./prompts.ts";
import type { BenchSettings } from "./settings.ts";
import { openWholePath } from "./whole-path.ts";

/** Jobs per slot after the warm-up; few slots get more, so that their window is not a matter of a few jobs. */
const WAVES = 4;
const LEAST_JOBS = 16;
/** llama.cpp rounds contexts up to this many tokens. */
const CONTEXT_STEP = 256;

/** The rounds of every contestant under one load. */
export interface Cell {
  load: Load;
  /** By contestant, in the order they were measured. */
  rounds: Map<string, Measurement[]>;
  /** By contestant: contexts, threads. */
  layouts: Map<string, string>;
}

type Open = (course: Course) => Promise<Contestant>;

function contestants({ llamaServer }: BenchSettings): Open[] {
  const server: Open[] = llamaServer === null ? [] : [(course) => openLlamaServer(llamaServer, course)];
  return [openNodeLlamaCpp, openEngineAlone, openWholePath, ...server];
}

function courseOf({ threads, contexts, gpu }: BenchSettings, at: { path: string; dataDir: string }, load: Load): Course {
  const contextSize = Math.ceil((load.promptTokens + load.tokens + 1) / CONTEXT_STEP) * CONTEXT_STEP;
  return { ...at, slots: load.slots, contextSize, threads, contexts, gpu };
}

/** Opens every contestant, measures them in turns and closes them. */
async function compareUnder(settings: BenchSettings, course: Course, load: Load, log: (line: string) => void): Promise<Cell> {
  const prompts = await Prompts.of(course.path, settings.seed);
  const cell: Cell = { load, rounds: new Map(), layouts: new Map() };
  const open: { contestant: Contestant; added: number }[] = [];
  try {
    // One after the other: some choose their thread count by a measurement while they load.
    for (const start of contestants(settings)) {
      const contestant = await start(course);
      open.push({ contestant, added: 0 });
      cell.layouts.set(contestant.name, contestant.layout);
    }
    for (const entry of open) entry.added = await addedTokens(entry.contestant, prompts);
    for (let round = 1; round <= settings.rounds; round++) {
      for (const { contestant, added } of open) {
        if (round > (contestant.mostRounds ?? settings.rounds)) continue;
        const measurement = await measure(contestant, load, prompts, added);
        cell.rounds.set(contestant.name, [...(cell.rounds.get(contestant.name) ?? []), measurement]);
        log(
          `${load.slots} slots, prompt ${load.promptTokens}, round ${round}: ${contestant.name} ${measurement.tokensPerSecond.toFixed(0)} tokens/s`,
        );
      }
    }
    return cell;
  } finally {
    for (const { contestant } of open.reverse()) await contestant.close();
  }
}

export interface Comparison {
  cells: Cell[];
  /** Loads that could not be measured to their end, and why: hours of the others are not lost for one. */
  failures: string[];
}

function loadsOf({ prompts, slots, tokens, isQuick }: BenchSettings): Load[] {
  const waves = (count: number) => (isQuick ? WAVES : Math.max(WAVES, Math.ceil(LEAST_JOBS / count)));
  return prompts.flatMap((promptTokens) => slots.map((count) => ({ slots: count, promptTokens, tokens, waves: waves(count) })));
}

/** Measures every contestant under every load of the settings, in interleaved rounds. */
export async function compare(settings: BenchSettings, path: string, log: (line: string) => void): Promise<Comparison> {
  const dataDir = await mkdtemp(join(tmpdir(), "llamero-bench-"));
  const comparison: Comparison = { cells: [], failures: [] };
  try {
    for (const load of loadsOf(settings)) {
      const course = courseOf(settings, { path, dataDir }, load);
      await compareUnder(settings, course, load, log).then(
        (cell) => comparison.cells.push(cell),
        (error: unknown) => {
          comparison.failures.push(`${load.slots} slots, prompt ${load.promptTokens}: ${error}`);
          log(comparison.failures.at(-1) ?? "");
        },
      );
    }
    return comparison;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

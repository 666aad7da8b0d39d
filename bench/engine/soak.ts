import type { EngineRuntime } from "@llamero/engine";
import { benchModel } from "../models/bench-model.ts";
import type { Findings } from "../prove/report.ts";
import { exactRequest, openEngine } from "./engine-alone.ts";
import { type EngineProofOptions, NO_REDIS } from "./engine-proof.ts";
import { usageOf } from "./process-usage.ts";
import { Prompts } from "./prompts.ts";

interface Sizes {
  model: string;
  jobs: number;
  slots: number;
  /** Longest prompt and most tokens of a job; both are random, so that jobs differ in shape. */
  prompt: number;
  tokens: number;
}

const FULL: Sizes = { model: "tiny", jobs: 50_000, slots: 8, prompt: 64, tokens: 24 };
const QUICK: Sizes = { model: "tiny", jobs: 100, slots: 2, prompt: 32, tokens: 6 };
const CONTEXT = 256;
/** The run's first part fills caches and pools and does not count. */
const FROM_SHARE = 0.2;
const MOST_GROWTH = 0.05;
/** Readings of the memory over the run. */
const READINGS = 50;

/** Runs jobs over all slots, with a callback after each. */
async function runJobs(
  engine: EngineRuntime,
  prompts: Prompts,
  sizes: Sizes,
  onDone: (done: number) => Promise<void>,
): Promise<void> {
  let [begun, done] = [0, 0];
  const client = async () => {
    while (begun < sizes.jobs) {
      const id = `soak-${++begun}`;
      const prompt = prompts.words(1 + prompts.below(sizes.prompt));
      await engine.generate({ id, ...exactRequest(prompt, 1 + prompts.below(sizes.tokens)) }, () => {});
      await onDone(++done);
    }
  };
  await Promise.all(Array.from({ length: sizes.slots * 2 }, client));
}

/** The engine's memory does not grow with the number of jobs it has run. */
export async function proveSoak(options: EngineProofOptions): Promise<Findings> {
  const { isQuick, seed, log, gpu = "false", threads = 1, contexts = 1 } = options;
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(options.model ?? sizes.model);
  const engine = await openEngine({ path, slots: sizes.slots, contextSize: CONTEXT, threads, contexts, gpu });
  const readings: number[] = [];
  const startedAtMs = performance.now();
  try {
    const every = sizes.jobs / READINGS;
    await runJobs(engine, await Prompts.of(path, seed), sizes, async (done) => {
      if (done % every !== 0) return;
      readings.push((await usageOf([engine.pid])).rssBytes / 2 ** 20);
      log(`${done} jobs: ${readings.at(-1)?.toFixed(0)} MiB`);
    });
  } finally {
    await engine.close();
  }
  return findings(sizes, readings, (performance.now() - startedAtMs) / 1_000);
}

/** The highest of a few readings, since a garbage collection may just have been or be due. */
function around(readings: readonly number[], share: number): number {
  const end = Math.round(readings.length * share);
  return Math.max(...readings.slice(Math.max(0, end - READINGS / 10), end));
}

function findings(sizes: Sizes, readings: number[], seconds: number): Findings {
  const [early, late] = [around(readings, FROM_SHARE), around(readings, 1)];
  const growth = late / early - 1;
  return {
    redisVersion: NO_REDIS,
    figures: {
      jobs: sizes.jobs,
      slots: sizes.slots,
      seconds,
      jobs_per_s: sizes.jobs / seconds,
      rss_mib_at_20_percent: early,
      rss_mib_at_100_percent: late,
      growth,
      rss_mib: readings,
    },
    claims: [
      {
        text: `memory grows by at most ${MOST_GROWTH} from 20 % to 100 % of ${sizes.jobs} jobs`,
        value: growth,
        passed: growth <= MOST_GROWTH,
      },
    ],
  };
}

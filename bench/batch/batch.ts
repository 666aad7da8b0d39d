import { setTimeout as pass } from "node:timers/promises";
import type { BatchView } from "@llamero/openai";
import { median } from "../engine/statistics.ts";
import { redisVersion } from "../prove/redis-stats.ts";
import type { Findings, ProofOptions } from "../prove/report.ts";
import { type BatchDeployment, type Memory, openBatchDeployment } from "./batch-deployment.ts";
import { upload, writeInput } from "./batch-input.ts";
import { LineCounts } from "./count-lines.ts";

interface Sizes {
  lines: number;
  /** Deaths of the dispatcher, evenly over the first fifth of the run; the first comes while it reads the input. */
  kills: number;
}

const LOOK_EVERY_MS = 1_000;
/**
 * Requests before the run begins. V8 gives memory back after the upload and lets its heap fill up again before it collects: over the
 * first 1,000 requests the API grows from 130 to 139 MiB, where it stays, and what is in use after a collection is the same 25 MiB of
 * its old generation all along. In a run of twelve minutes and a request a second that would look like a leak.
 */
const WARM_UP_REQUESTS = 2_000;
const MOST_GROWTH = 0.05;
/** A part of the run, by the share of the lines that have ended. */
interface Part {
  from: number;
  to: number;
}

const KILLING_ENDS_AT = 0.2;
/** What counts for 20 % of the run, and for 100 %: the first part fills caches and pools and does not count. */
const AT_20: Part = { from: 0.1, to: 0.3 };
const AT_100: Part = { from: 0.8, to: 1 };
/** What counts for 20 % of the run for the dispatcher: the one that lives to the end has filled its heap for the first time by then. */
const DISPATCHER_AT_20: Part = { from: 0.3, to: 0.5 };

/**
 * 300,000 lines run on the bundled model while dispatchers die: each line is written once, and memory stays flat. The dispatcher that
 * lives to the end needs so many for its heap to have had its size before it is looked at.
 */
export const proveBatch = (options: ProofOptions): Promise<Findings> =>
  prove(options, "model", options.isQuick ? { lines: 300, kills: 2 } : { lines: 300_000, kills: 20 });

/** The same of a million lines, with a worker that answers at once: what is left is intake, window and bookkeeping. */
export const proveBatchMillion = (options: ProofOptions): Promise<Findings> =>
  prove(options, "stub", options.isQuick ? { lines: 3_000, kills: 3 } : { lines: 1_000_000, kills: 20 });

interface Reading extends Memory {
  /** Of the lines, those that have ended. */
  share: number;
}

async function prove({ seed, log, isQuick }: ProofOptions, worker: "model" | "stub", { lines, kills }: Sizes): Promise<Findings> {
  await using deployment = await openBatchDeployment(worker);
  const { url } = deployment;
  const inputFileId = await upload(url, await writeInput(deployment.folder, lines, seed));
  log(`${lines} lines are uploaded`);
  for (let asked = 0; asked < (isQuick ? 1 : WARM_UP_REQUESTS); asked++) await call(url, `/v1/files/${inputFileId}`);
  const startedAt = performance.now();
  const created = await call(url, "/v1/batches", {
    ...{ input_file_id: inputFileId, endpoint: "/v1/chat/completions", completion_window: "24h" },
  });
  const run = await follow(deployment, created.id, { lines, kills }, log);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { batch, readings, killed } = run;
  const counts = new LineCounts(lines);
  const written = (await counts.read(url, batch.output_file_id)) + (await counts.read(url, batch.error_file_id));
  const { completed, failed } = batch.request_counts;
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      ...{ lines, kills: killed, seconds, lines_per_s: lines / seconds, seconds_to_validate: run.validatedMs / 1_000 },
      ...{ lines_written: written, lines_completed: completed, lines_failed: failed },
      most_jobs_in_redis: run.mostJobs,
      ...memoryFigures(readings),
    },
    claims: [
      claim("lines that stand in none of the batch's files", counts.missing, 0),
      claim("lines that stand there more than once, or are none of the input's", counts.doubled + counts.strange, 0),
      claim("lines that failed", failed, 0),
      claim("lines that are counted otherwise than they are written", Math.abs(completed + failed - written), 0),
      claim("jobs that are left in Redis", await countJobs(deployment), 0),
      { text: `times the dispatcher was killed, at least ${kills}`, value: killed, passed: killed >= kills },
      ...(["api", "dispatcher", "redis"] as const).map((name) => {
        const growth = growthOf(readings, name);
        const who = name === "dispatcher" ? "the dispatcher that lives to the end" : name;
        const text = `growth of the memory of ${who} from 20 % to 100 % of the run, at most ${MOST_GROWTH}`;
        return { text, value: growth, passed: growth <= MOST_GROWTH };
      }),
    ],
  };
}

const claim = (text: string, value: number, most: number) => ({ text, value, passed: value <= most });

async function call(url: string, path: string, body?: object): Promise<BatchView> {
  const init =
    body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(url + path, init);
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as BatchView;
}

/** Watches a batch to its end, and kills the dispatcher on the way. */
async function follow(deployment: BatchDeployment, id: string, { lines, kills }: Sizes, log: ProofOptions["log"]) {
  const readings: Reading[] = [];
  const startedAt = performance.now();
  let [killed, mostJobs, validatedMs] = [0, 0, 0];
  for (;;) {
    const batch = await call(deployment.url, `/v1/batches/${id}`);
    const { completed, failed } = batch.request_counts;
    const share = (completed + failed) / lines;
    if (validatedMs === 0 && batch.status !== "validating") validatedMs = performance.now() - startedAt;
    readings.push({ share, ...(await deployment.memory()) });
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status))
      return { batch, readings, killed, mostJobs, validatedMs };
    const isReading = killed === 0 && batch.request_counts.total > 0;
    if (isReading || (killed < kills && share > (KILLING_ENDS_AT * killed) / kills)) {
      await deployment.killDispatcher();
      killed += 1;
      mostJobs = Math.max(mostJobs, await countJobs(deployment));
      log(`${completed + failed} lines have ended (${batch.status}); dispatcher ${killed} was killed`);
    }
    await pass(LOOK_EVERY_MS);
  }
}

async function countJobs({ redis }: BatchDeployment): Promise<number> {
  let count = 0;
  for (let cursor = "0"; ; ) {
    const [next, keys] = await redis.scan(cursor, "MATCH", "*:req:*", "COUNT", 10_000);
    count += keys.length;
    cursor = next;
    if (cursor === "0") return count;
  }
}

/**
 * The memory that something has in a part of the run. Of the processes the median, so that one reading that a garbage collection has
 * just been before, or is due after, does not count. Of Redis the most: it has what the window takes at the moment, which is anything
 * up to its bound.
 */
function memoryIn(readings: readonly Reading[], name: keyof Memory, { from, to }: Part): number {
  const values = readings.filter(({ share }) => share >= from && share <= to).map((reading) => reading[name]);
  return name === "redis" ? Math.max(...values) : median(values);
}

const at20 = (readings: readonly Reading[], name: keyof Memory) =>
  memoryIn(readings, name, name === "dispatcher" ? DISPATCHER_AT_20 : AT_20);

const growthOf = (readings: readonly Reading[], name: keyof Memory) =>
  memoryIn(readings, name, AT_100) / at20(readings, name) - 1;

function memoryFigures(readings: readonly Reading[]): Record<string, number> {
  const names = ["api", "dispatcher", "redis"] as const;
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}_mib_at_20_percent`, at20(readings, name)],
      [`${name}_mib_at_100_percent`, memoryIn(readings, name, AT_100)],
    ]),
  );
}

import type { Job } from "@llamero/core";
import { createStore } from "@llamero/store";
import { percentile } from "../engine/statistics.ts";
import { Callers, keysOf, PREFIX, waitOf } from "./callers.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Claim, Findings, ProofOptions } from "./report.ts";
import { openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  /** Jobs that the busy caller has queued, and that the other submits one at a time. */
  queued: number;
  singles: number;
  /** Jobs that each of two weighted callers has queued, and of which so many end before they are counted, and while they are. */
  weighted: number;
  settling: number;
  counted: number;
  /** Jobs that one caller has queued while every tenth of them is asked when it will start. */
  foretold: number;
}

const FULL: Sizes = { queued: 10_000, singles: 200, weighted: 3_000, settling: 300, counted: 2_000, foretold: 600 };
const QUICK: Sizes = { queued: 200, singles: 10, weighted: 200, settling: 30, counted: 120, foretold: 100 };
/** Names, as their keys begin. */
const CALLERS = ["busy", "single", "three", "one"] as const;
const MOST_JOB_TIMES = 3;
const WEIGHT = 3;
const MOST_ERROR = 0.2;
const ASKED_EVERY = 10;

/** A caller's share of the slots does not depend on how much others have queued. */
export async function proveFairShare({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  await using deployment = await openWholeDeployment({
    LLAMERO_API_KEYS: keysOf(CALLERS),
  });
  const callers = new Callers(deployment, seed);
  log(`one caller queues ${sizes.queued} jobs`);
  await callers.queue("busy", sizes.queued);
  log(`another submits ${sizes.singles}, one at a time`);
  const singles: Job[] = [];
  for (let i = 0; i < sizes.singles; i++) singles.push(await callers.ended("single", callers.newBody()));
  const jobMs = singles.reduce((sum, job) => sum + runMs(job), 0) / singles.length;
  const waitsMs = singles.map(waitOf);
  const busyLeft = (await callers.list("busy", "queued", 1)).length;
  await callers.cancelAll("busy");
  log(`a caller queues ${sizes.foretold} jobs and asks when they will start`);
  const errors = await foretellingErrors(callers, sizes);
  const shared = await shareByWeight(deployment, callers, sizes, log);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      queued: sizes.queued,
      singles: sizes.singles,
      job_mean_ms: jobMs,
      wait_p50_ms: percentile(waitsMs, 0.5),
      wait_p99_ms: percentile(waitsMs, 0.99),
      foretold: errors.length,
      eta_error_p50: percentile(errors, 0.5),
      eta_error_p90: percentile(errors, 0.9),
      weighted_tokens: shared.tokens,
      weighted_share: shared.share,
    },
    claims: [
      {
        text: "jobs of the busy caller that still waited at the end, on one page of its list",
        value: busyLeft,
        passed: busyLeft > 0,
      },
      claimWait(percentile(waitsMs, 0.99) / jobMs),
      {
        text: `the error of half of the foretold waits, as a share of the wait, at most ${MOST_ERROR}`,
        value: percentile(errors, 0.5),
        passed: percentile(errors, 0.5) <= MOST_ERROR,
      },
      {
        text: "of the tokens, the share of a caller of weight 3 beside one of 1: 0.75, 5 % more or less",
        ...near(shared.share, 0.75),
      },
    ],
  };
}

function claimWait(value: number): Claim {
  const text = `job times that the 99th of 100 single jobs waits beside a caller with a long queue: at most ${MOST_JOB_TIMES}`;
  return { text, value, passed: value <= MOST_JOB_TIMES };
}

const near = (value: number, wanted: number) => ({ value, passed: Math.abs(value / wanted - 1) <= 0.05 });

const runMs = ({ timings }: Job) => (timings?.prefill_ms ?? 0) + (timings?.generate_ms ?? 0);

/** Of jobs that wait in a long queue, by how much they start sooner or later than they say, as a share of the wait that they foretell. */
async function foretellingErrors(callers: Callers, { foretold, settling }: Sizes): Promise<number[]> {
  const before = (await callers.list("busy", "succeeded")).length;
  await callers.queue("busy", foretold);
  await callers.untilEnded(["busy"], before + Math.min(settling, foretold / 4));
  const waiting = (await callers.list("busy", "queued")).filter((_, index) => index % ASKED_EVERY === 0);
  const asked = await Promise.all(
    waiting.map(async ({ id }) => ({ id, askedAt: Date.now(), eta: (await callers.read("busy", id)).eta_seconds })),
  );
  await callers.untilEnded(["busy"], before + foretold);
  const errors = asked.map(async ({ id, askedAt, eta }) => {
    const job = await callers.read("busy", id);
    const waitedMs = Date.parse(job.created_at) + waitOf(job) - askedAt;
    return eta === null ? [] : [Math.abs(eta * 1_000 - waitedMs) / waitedMs];
  });
  return (await Promise.all(errors)).flat();
}

/** Two callers keep long queues; the tokens of what ends of each are counted over a while. */
async function shareByWeight(
  { redis }: WholeDeployment,
  callers: Callers,
  { weighted, settling, counted }: Sizes,
  log: (line: string) => void,
): Promise<{ share: number; tokens: number }> {
  const { settings, now } = createStore({ redis, prefix: PREFIX });
  await settings.change({ weights: { three: WEIGHT } }, { by: "bench", nowMs: await now() });
  log(`two callers of the weights ${WEIGHT} and 1 queue ${weighted} jobs each`);
  await Promise.all([callers.queue("three", weighted), callers.queue("one", weighted)]);
  const from = await callers.untilEnded(["three", "one"], settling);
  const to = await callers.untilEnded(["three", "one"], settling + counted);
  if ((await callers.list("three", "queued", 1)).length === 0) throw new Error("a queue ran empty while shares were counted");
  const [ofThree, ofOne] = [await callers.tokens("three", from, to), await callers.tokens("one", from, to)];
  return { share: ofThree / (ofThree + ofOne), tokens: ofThree + ofOne };
}

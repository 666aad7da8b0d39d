import type { Job } from "@llamero/core";
import { createStore } from "@llamero/store";
import { percentile } from "../engine/statistics.ts";
import { between, Callers, keysOf, PREFIX, waitOf } from "./callers.ts";
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
}

const FULL: Sizes = { queued: 10_000, singles: 200, weighted: 3_000, settling: 300, counted: 2_000 };
const QUICK: Sizes = { queued: 200, singles: 10, weighted: 200, settling: 30, counted: 120 };
/** Names, as their keys begin. */
const CALLERS = ["busy", "single", "three", "one"] as const;
const MOST_JOB_TIMES = 3;
const WEIGHT = 3;

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
  const jobMs = singles.reduce((sum, job) => sum + between(job.started_at, job.finished_at), 0) / singles.length;
  const waitsMs = singles.map(waitOf);
  const busyLeft = (await callers.list("busy", "queued", 1)).length;
  await callers.cancelAll("busy");
  const shared = await shareByWeight(deployment, callers, sizes, log);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      queued: sizes.queued,
      singles: sizes.singles,
      job_mean_ms: jobMs,
      wait_p50_ms: percentile(waitsMs, 0.5),
      wait_p99_ms: percentile(waitsMs, 0.99),
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

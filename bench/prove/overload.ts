import { percentile } from "../engine/statistics.ts";
import { type Submission, submitAtRate } from "./open-loop.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Claim, Findings, ProofOptions } from "./report.ts";
import { inParallel, promptSource } from "./store-door.ts";
import { type Memory, openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  seconds: number;
  maxWaiting: number;
  /** How long capacity is measured, in seconds. */
  capacitySeconds: number;
}

const FULL: Sizes = { seconds: 60, maxWaiting: 200, capacitySeconds: 20 };
const QUICK: Sizes = { seconds: 4, maxWaiting: 20, capacitySeconds: 4 };
const TIMES_CAPACITY = 10;
/** Tokens of a job: enough that a job is work, and few enough that hundreds end within the time. */
const TOKENS = 32;
/** Jobs in flight while the capacity is measured: there is always one for a free slot. */
const IN_FLIGHT = 32;
const LONGEST_RETRY_AFTER_SECONDS = 60;
const MIB = 2 ** 20;
/** What docs/durability.md says of memory under overload. */
const MOST_API_MIB = 400;
const MOST_REDIS_KIB_PER_JOB = 16;

/** At ten times what the workers can do, accepted jobs end well, all others are told when to come again, and memory is bounded. */
export async function proveOverload({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const prompt = promptSource(seed);
  const body = () => JSON.stringify({ prompt: prompt(), params: { max_tokens: TOKENS, ignore_eos: true } });
  await using deployment = await openWholeDeployment({ LLAMERO_MAX_WAITING: String(sizes.maxWaiting) });
  const capacity = await measureCapacity(deployment, body, sizes.capacitySeconds);
  const perSecond = capacity * TIMES_CAPACITY;
  log(`capacity is ${capacity.toFixed(1)} jobs a second; offering ${perSecond.toFixed(0)} for ${sizes.seconds} s`);
  const before = await deployment.memory();
  const watching = deployment.watchMemory();
  const startedAt = performance.now();
  const submissions = await submitAtRate({ url: deployment.url, perSecond, seconds: sizes.seconds, body });
  const offeredSeconds = (performance.now() - startedAt) / 1_000;
  const ids = submissions.flatMap(({ id }) => id ?? []);
  log(`${ids.length} of ${submissions.length} were accepted; waiting for their end`);
  const lost = await notSucceeded(deployment, ids);
  const drainedSeconds = (performance.now() - startedAt) / 1_000;
  const peak = await watching.stop();
  const refused = submissions.filter(({ status }) => status === 429);
  const acceptMs = submissions.filter(({ status }) => status === 202).map(({ tookMs }) => tookMs);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      capacity_jobs_per_s: capacity,
      offered_jobs_per_s: submissions.length / offeredSeconds,
      offered: submissions.length,
      max_waiting: sizes.maxWaiting,
      accepted: ids.length,
      refused: refused.length,
      accept_p50_ms: percentile(acceptMs, 0.5),
      accept_p99_ms: percentile(acceptMs, 0.99),
      refuse_p99_ms: percentile(
        refused.map(({ tookMs }) => tookMs),
        0.99,
      ),
      drained_after_s: drainedSeconds - offeredSeconds,
      goodput_of_capacity: ids.length / drainedSeconds / capacity,
      retry_after_s: percentile(
        refused.map(({ retryAfter }) => Number(retryAfter)),
        0.5,
      ),
      peak_api_rss_mib: peak.apiRssBytes / MIB,
      peak_redis_rss_mib: peak.redisRssBytes / MIB,
      peak_redis_used_mib: peak.redisUsedBytes / MIB,
      redis_kib_per_job: kibPerJob(before, peak, ids.length),
    },
    claims: [
      claimNone("accepted jobs that did not succeed", lost),
      claimNone("answers other than 202 and 429", submissions.length - ids.length - refused.length),
      claimNone(
        `refusals without a Retry-After of 1 to ${LONGEST_RETRY_AFTER_SECONDS} s`,
        refused.filter((answer) => !isSane(answer)).length,
      ),
      { text: "refused jobs, of which there must be some", value: refused.length, passed: refused.length > 0 },
      ...memoryClaims(before, peak, ids.length),
    ],
  };
}

const claimNone = (text: string, value: number): Claim => ({ text, value, passed: value === 0 });

function isSane({ retryAfter }: Submission): boolean {
  const seconds = Number(retryAfter);
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= LONGEST_RETRY_AFTER_SECONDS;
}

function kibPerJob(before: Memory, peak: Memory, jobs: number): number {
  return (peak.redisUsedBytes - before.redisUsedBytes) / jobs / 1_024;
}

function memoryClaims(before: Memory, peak: Memory, jobs: number): Claim[] {
  const [apiMib, redisKib] = [peak.apiRssBytes / MIB, kibPerJob(before, peak, jobs)];
  return [
    { text: `the API held at most ${MOST_API_MIB} MiB`, value: apiMib, passed: apiMib <= MOST_API_MIB },
    {
      text: `Redis took at most ${MOST_REDIS_KIB_PER_JOB} KiB for each accepted job`,
      value: redisKib,
      passed: redisKib <= MOST_REDIS_KIB_PER_JOB,
    },
  ];
}

/** Jobs that end in a second when there is always one for a free slot. */
async function measureCapacity(deployment: WholeDeployment, body: () => string, seconds: number): Promise<number> {
  const run = async () => {
    const response = await fetch(deployment.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body(),
    });
    await deployment.ended(((await response.json()) as { id: string }).id);
  };
  // The first ones warm up compilers and caches and do not count.
  await inParallel(IN_FLIGHT * 2, IN_FLIGHT, run);
  const startedAt = performance.now();
  let ended = 0;
  const lane = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      await run();
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return ended / ((performance.now() - startedAt) / 1_000);
}

async function notSucceeded(deployment: WholeDeployment, ids: readonly string[]): Promise<number> {
  let count = 0;
  await inParallel(ids.length, IN_FLIGHT, async (index) => {
    const job = await deployment.ended(ids[index] ?? "");
    if (job.status !== "succeeded") count += 1;
  });
  return count;
}

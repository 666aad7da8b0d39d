import type { Job } from "@llamero/core";
import { createStore } from "@llamero/store";
import { median, percentile } from "../engine/statistics.ts";
import { Callers, keysOf, PREFIX } from "./callers.ts";
import { commandStats, perJob, redisVersion, settled } from "./redis-stats.ts";
import type { Claim, Findings, ProofOptions } from "./report.ts";
import { type Door, discard, inParallel, openStoreDoor, submitMany } from "./store-door.ts";
import { openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  /** Requests that come one after the other, each computed and then asked again. */
  alone: number;
  /** Requests with `IN_FLIGHT` under way at a time. */
  together: number;
  /** Equal requests at once. */
  equal: number;
  /** Jobs that are taken in, a round, with reuse and without. */
  accepted: { rounds: number; jobsPerRound: number };
}

const FULL: Sizes = { alone: 300, together: 2_000, equal: 1_000, accepted: { rounds: 20, jobsPerRound: 4_000 } };
const QUICK: Sizes = { alone: 10, together: 40, equal: 100, accepted: { rounds: 2, jobsPerRound: 200 } };
const CALLER = "one";
const IN_FLIGHT = 32;
const ACCEPTS_IN_FLIGHT = 64;
const LEAST_RATIO = 5;

/** Answers that are given again come without a worker, and many times as fast; equal requests at once are computed once. */
export async function proveReuse({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const accepting = await compareAccepts(sizes.accepted, seed, log);
  await using deployment = await openWholeDeployment({ LLAMERO_API_KEYS: keysOf([CALLER]), LLAMERO_REUSE: "all" });
  const callers = new Callers(deployment, seed);
  log(`${sizes.alone} requests, one after the other, each computed and asked again`);
  const alone = await oneByOne(callers, sizes.alone);
  log(`${sizes.together} requests, ${IN_FLIGHT} at a time, computed, and then asked again`);
  const together = await sideBySide(callers, sizes.together);
  log(`${sizes.equal} equal requests at once`);
  const equal = await allAtOnce(deployment, callers, sizes.equal);
  const hits = [...alone.hits, ...together.hits];
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      ...{ alone: sizes.alone, together: sizes.together, equal: sizes.equal, in_flight: IN_FLIGHT },
      computed_p50_ms: percentile(alone.computedMs, 0.5),
      computed_p99_ms: percentile(alone.computedMs, 0.99),
      hit_p50_ms: percentile(alone.hitMs, 0.5),
      hit_p99_ms: percentile(alone.hitMs, 0.99),
      computed_tokens_mean: alone.tokens,
      computed_per_s: together.computedPerSecond,
      hits_per_s: together.hitsPerSecond,
      equal_answered_ms: equal.tookMs,
      ...accepting,
    },
    claims: claimsOf({ alone, together, equal, hits, sizes }),
  };
}

interface Seen {
  alone: Awaited<ReturnType<typeof oneByOne>>;
  together: Awaited<ReturnType<typeof sideBySide>>;
  equal: Awaited<ReturnType<typeof allAtOnce>>;
  hits: readonly Job[];
  sizes: Sizes;
}

function claimsOf({ alone, together, equal, hits, sizes }: Seen): Claim[] {
  const faster = percentile(alone.computedMs, 0.5) / percentile(alone.hitMs, 0.5);
  const more = together.hitsPerSecond / together.computedPerSecond;
  const atLeast = (value: number) => value >= LEAST_RATIO;
  const none = (text: string, value: number): Claim => ({ text, value, passed: value === 0 });
  const claims = hits.reduce((sum, { attempts }) => sum + attempts, 0);
  return [
    {
      text: `times as long that a computed answer takes as a hit, p50, at least ${LEAST_RATIO}`,
      value: faster,
      passed: atLeast(faster),
    },
    { text: `times as many hits a second as computed answers, at least ${LEAST_RATIO}`, value: more, passed: atLeast(more) },
    none("repeated requests that were not answered as cached, or not as before", alone.wrong + together.wrong),
    none("claims by workers for hits", claims),
    {
      text: `of ${sizes.equal} equal requests at once, those that were computed`,
      value: equal.computed,
      passed: equal.computed === 1,
    },
    { text: "claims by workers for all of them", value: equal.claims, passed: equal.claims === 1 },
    none("of them, those without the answer of all", equal.wrong),
  ];
}

const answerOf = ({ output, status }: Job) => `${status} ${JSON.stringify(output)}`;
const isAgain = (hit: Job, computed: Job) => hit.cached && !computed.cached && answerOf(hit) === answerOf(computed);

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const startedAt = performance.now();
  const value = await run();
  return { ms: performance.now() - startedAt, value };
}

async function oneByOne(callers: Callers, count: number) {
  const [computedMs, hitMs, hits]: [number[], number[], Job[]] = [[], [], []];
  let [wrong, tokens] = [0, 0];
  for (let i = 0; i < count; i++) {
    const body = callers.newBody();
    const computed = await timed(() => callers.ended(CALLER, body));
    const hit = await timed(() => callers.ended(CALLER, body));
    computedMs.push(computed.ms);
    hitMs.push(hit.ms);
    hits.push(hit.value);
    tokens += computed.value.usage?.completion_tokens ?? 0;
    if (!isAgain(hit.value, computed.value)) wrong++;
  }
  return { computedMs, hitMs, hits, wrong, tokens: tokens / count };
}

async function sideBySide(callers: Callers, count: number) {
  const bodies = Array.from({ length: count }, () => callers.newBody());
  const run = async () => {
    const jobs: Job[] = [];
    const { ms } = await timed(() =>
      inParallel(count, IN_FLIGHT, async (index) => {
        jobs[index] = await callers.ended(CALLER, bodies[index] ?? "");
      }),
    );
    return { jobs, perSecond: (count * 1_000) / ms };
  };
  const computed = await run();
  const again = await run();
  const wrong = computed.jobs.filter((job, index) => {
    const hit = again.jobs[index];
    return hit === undefined || !isAgain(hit, job);
  }).length;
  return { hits: again.jobs, wrong, computedPerSecond: computed.perSecond, hitsPerSecond: again.perSecond };
}

async function allAtOnce({ redis }: WholeDeployment, callers: Callers, count: number) {
  const body = callers.newBody();
  const { ms, value: jobs } = await timed(() => Promise.all(Array.from({ length: count }, () => callers.ended(CALLER, body))));
  const answers = new Map<string, number>();
  for (const job of jobs) answers.set(answerOf(job), (answers.get(answerOf(job)) ?? 0) + 1);
  const { keys } = createStore({ redis, prefix: PREFIX });
  const attempts = await Promise.all(jobs.map(async ({ id }) => Number((await redis.hget(keys.job(id), "attempts")) ?? 0)));
  return {
    tookMs: ms,
    computed: jobs.filter(({ cached }) => !cached).length,
    claims: attempts.reduce((sum, each) => sum + each, 0),
    wrong: count - Math.max(...answers.values()),
  };
}

/** What taking jobs in costs that ask for what nobody has asked for, with reuse and without; measured in turns. */
async function compareAccepts({ rounds, jobsPerRound }: Sizes["accepted"], seed: number, log: ProofOptions["log"]) {
  log(`${rounds} rounds of ${jobsPerRound} jobs that are taken in, with reuse and without`);
  const doors: Door[] = [];
  try {
    doors.push(await openStoreDoor(seed));
    doors.push(await openStoreDoor(seed + 1, (id) => ({ key: `0123456789abcdef.${id}`, answer: null })));
    const [without, having] = doors.map(() => ({ perSecond: [] as number[], microseconds: [] as number[] }));
    const sides = [without, having];
    for (let round = 0; round <= rounds; round++)
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const [door, side] = [doors[at], sides[at]];
        if (door === undefined || side === undefined) continue;
        const { perSecond, microseconds } = await measureAccepts(door, jobsPerRound);
        // The first round warms up compilers and caches and does not count.
        if (round > 0) side.perSecond.push(perSecond);
        if (round > 0) side.microseconds.push(microseconds);
      }
    const of = (side: typeof without, name: "perSecond" | "microseconds") => median(side?.[name] ?? []);
    return {
      accepts_without_reuse_per_s: of(without, "perSecond"),
      accepts_with_reuse_per_s: of(having, "perSecond"),
      redis_us_per_accept_without_reuse: of(without, "microseconds"),
      redis_us_per_accept_with_reuse: of(having, "microseconds"),
    };
  } finally {
    for (const door of doors) await door.close();
  }
}

async function measureAccepts(door: Door, count: number): Promise<{ perSecond: number; microseconds: number }> {
  await settled(door.redis);
  const before = await commandStats(door.redis);
  const { seconds, jobs } = await submitMany(door, count, ACCEPTS_IN_FLIGHT);
  const { scriptMicroseconds } = perJob(before, await commandStats(door.redis), count);
  await discard(door, jobs, ACCEPTS_IN_FLIGHT);
  return { perSecond: count / seconds, microseconds: scriptMicroseconds };
}

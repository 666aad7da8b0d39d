import { openHttpDoor } from "./http-door.ts";
import { commandStats, perJob, redisVersion, settled, usedMemory } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { type Door, discard, MODEL, openStoreDoor, PROMPT_BYTES, submitMany } from "./store-door.ts";

interface Sizes {
  few: number;
  many: number;
  /** Rounds and jobs per round, straight into the store and over HTTP. */
  store: { rounds: number; jobsPerRound: number };
  http: { rounds: number; jobsPerRound: number };
}

const FULL: Sizes = {
  few: 1_000,
  many: 1_000_000,
  store: { rounds: 40, jobsPerRound: 4_000 },
  http: { rounds: 20, jobsPerRound: 4_000 },
};
const QUICK: Sizes = {
  few: 1_000,
  many: 20_000,
  store: { rounds: 4, jobsPerRound: 1_000 },
  http: { rounds: 2, jobsPerRound: 500 },
};
/** Submissions under way at once, as in a busy API process. */
const IN_FLIGHT = 64;
/** While filling only throughput counts. */
const FILL_IN_FLIGHT = 512;
const LEAST_RATIO = 0.9;
/** What a whole life is counted over: jobs, and chunks that each of them streams. */
const LIVES = 200;
const CHUNKS = 4;

/**
 * Taking a job in costs the same with many jobs waiting as with few. Two servers live side by side and are measured in
 * turns, so that whatever else the machine does hits both.
 */
export async function proveDoor({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const doors: Door[] = [];
  try {
    const few = await openStoreDoor(seed);
    doors.push(few);
    const many = await openStoreDoor(seed + 1);
    doors.push(many);
    log(`filling a Redis with ${sizes.many} waiting jobs`);
    const filled = await fill(many, sizes.many);
    await fill(few, sizes.few);
    log(`measuring ${sizes.store.rounds} rounds of ${sizes.store.jobsPerRound} jobs on each side, straight into the store`);
    const rates = await compare(few, many, sizes.store);
    const accepting = await countAccept(many, sizes.store.jobsPerRound);
    const acceptingFew = await countAccept(few, sizes.store.jobsPerRound);
    log(`measuring ${sizes.http.rounds} rounds of ${sizes.http.jobsPerRound} jobs on each side, over HTTP`);
    const http = await compareOverHttp(few, many, sizes.http, seed);
    const life = await countLife(few);
    return {
      redisVersion: await redisVersion(many.redis),
      figures: {
        waiting_few: sizes.few,
        waiting_many: sizes.many,
        in_flight: IN_FLIGHT,
        prompt_bytes: PROMPT_BYTES,
        http_rate_few_per_s: median(http.few),
        http_rate_many_per_s: median(http.many),
        http_ratio: ratioOf(http),
        store_rate_few_per_s: median(rates.few),
        store_rate_many_per_s: median(rates.many),
        store_ratio: ratioOf(rates),
        redis_us_per_accept_few: acceptingFew.scriptMicroseconds,
        redis_us_per_accept_many: accepting.scriptMicroseconds,
        redis_us_per_accept_filling: filled.microseconds,
        redis_bytes_per_job: filled.bytes,
        client_commands_per_accept: accepting.client,
        script_calls_per_accept: accepting.inScripts,
        script_calls_per_accept_by_command: accepting.byCommand,
        chunks_per_life: CHUNKS,
        client_commands_per_life: life.client,
        script_calls_per_life: life.inScripts,
        http_rates_few_per_s: http.few,
        http_rates_many_per_s: http.many,
        store_rates_few_per_s: rates.few,
        store_rates_many_per_s: rates.many,
      },
      claims: [claimOf("POST /v1/jobs", ratioOf(http), sizes)],
    };
  } finally {
    for (const door of doors) await door.close();
  }
}

interface Rates {
  few: number[];
  many: number[];
}

const ratioOf = ({ few, many }: Rates) => median(many) / median(few);

function claimOf(what: string, value: number, { few, many }: Sizes) {
  const text = `the submit rate of ${what} with ${many} jobs waiting is at least ${LEAST_RATIO} of that with ${few}`;
  return { text, value, passed: value >= LEAST_RATIO };
}

/** The same two servers, each behind an API process. */
async function compareOverHttp(few: Door, many: Door, sizes: Sizes["http"], seed: number): Promise<Rates> {
  const doors: Door[] = [];
  try {
    for (const door of [few, many]) doors.push(await openHttpDoor(door, seed));
    const [httpFew, httpMany] = doors as [Door, Door];
    return await compare(httpFew, httpMany, sizes);
  } finally {
    for (const door of doors) await door.close();
  }
}

/** Fills an empty Redis with waiting jobs; gives what each takes of its memory and, the growing of its tables included, of its time. */
async function fill(door: Door, count: number): Promise<{ bytes: number; microseconds: number }> {
  const [memory, commands] = [await usedMemory(door.redis), await commandStats(door.redis)];
  await submitMany(door, count, FILL_IN_FLIGHT);
  await settled(door.redis);
  const bytes = ((await usedMemory(door.redis)) - memory) / count;
  return { bytes, microseconds: perJob(commands, await commandStats(door.redis), count).scriptMicroseconds };
}

/** Each round measures both sides, in changing order; afterwards each holds as many jobs as before. */
async function compare(few: Door, many: Door, sizes: Sizes["store"]): Promise<Rates> {
  const rates: Rates = { few: [], many: [] };
  const measureFew = async () => void rates.few.push(await rate(few, sizes.jobsPerRound));
  const measureMany = async () => void rates.many.push(await rate(many, sizes.jobsPerRound));
  // The first round warms up compilers and caches and does not count.
  for (let round = 0; round <= sizes.rounds; round++) {
    const order = round % 2 === 0 ? [measureFew, measureMany] : [measureMany, measureFew];
    for (const measure of order) await measure();
    if (round === 0) for (const side of [rates.few, rates.many]) side.length = 0;
  }
  return rates;
}

async function rate(door: Door, count: number): Promise<number> {
  await settled(door.redis);
  // The other side has just had the processor's caches.
  const warmUp = await submitMany(door, count / 4, IN_FLIGHT);
  const { seconds, jobs } = await submitMany(door, count, IN_FLIGHT);
  await discard(door, [...warmUp.jobs, ...jobs], IN_FLIGHT);
  return count / seconds;
}

async function countAccept(door: Door, count: number) {
  const before = await commandStats(door.redis);
  const { jobs } = await submitMany(door, count, IN_FLIGHT);
  const counted = perJob(before, await commandStats(door.redis), count);
  await discard(door, jobs, IN_FLIGHT);
  return counted;
}

/** Commands of a job from accept to finish, as the store makes them; carriers come on top. */
async function countLife(door: Door) {
  const { store, redis } = door;
  await redis.flushall("SYNC");
  await store.beat({ workerId: "w", host: "bench", pid: process.pid, slots: [{ slug: MODEL, slots: LIVES }] });
  const before = await commandStats(redis);
  for (let i = 0; i < LIVES; i++) {
    const { id } = await door.submit();
    const claimed = await store.claim({ job_id: id, run: 1 }, "w");
    if (claimed.outcome !== "claimed") throw new Error(`the job was not claimed: ${claimed.outcome}`);
    for (let k = 1; k <= CHUNKS; k++) await store.append(claimed.claim, k, { tokens: [k], text: "text " });
    const result = { text: "text", finish_reason: "stop" as const };
    await store.finish(claimed.claim, { status: "succeeded", result, completionTokens: CHUNKS });
  }
  return perJob(before, await commandStats(redis), LIVES);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? 0, sorted[Math.floor(middle)] ?? 0];
  return (low + high) / 2;
}

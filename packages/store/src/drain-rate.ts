import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";

/** Over how long rates are averaged, in milliseconds; lua/rates.lua, which writes them, has the same. */
const DRAIN_MS = 60_000;

/** What the workers of a queue have ended of late. */
export interface DrainRate {
  jobsPerSecond: number;
  /** Of prompts and completions. */
  tokensPerSecond: number;
}

/** What is known of a queue's workers, also while there are none. */
export interface WorkerPace {
  /** Slots of the worker that was heard of last; null: none ever was. */
  slots: number | null;
  /** Milliseconds that a job takes in its slot for each of its tokens, averaged over jobs; null: none has ended yet. */
  tokenMs: number | null;
}

/** The rates are zero where nothing has ended for as long as they are averaged over. */
export async function drainRate(redis: Redis, keys: Keys, queue: string): Promise<DrainRate & WorkerPace> {
  const [[jobs, tokens, at, since, slots, tokenMs], [seconds, microseconds]] = await Promise.all([
    redis.hmget(keys.drain(queue), "jobs", "tokens", "at", "since", "slots", "token_ms"),
    redis.time(),
  ]);
  const pace = { slots: numberOrNull(slots), tokenMs: numberOrNull(tokenMs) };
  const idle = { jobsPerSecond: 0, tokensPerSecond: 0, ...pace };
  const now = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  if (now - Number(at ?? 0) > DRAIN_MS) return idle;
  const known = 1 - Math.exp((Number(since ?? now) - now) / DRAIN_MS);
  if (known <= 0) return idle;
  const factor = Math.exp((Number(at) - now) / DRAIN_MS) / known;
  return { jobsPerSecond: Number(jobs) * factor, tokensPerSecond: Number(tokens) * factor, ...pace };
}

const numberOrNull = (text: string | null | undefined) => (text === null || text === undefined ? null : Number(text));

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

/** All zero where nothing has ended for as long. */
export async function drainRate(redis: Redis, keys: Keys, queue: string): Promise<DrainRate> {
  const [[jobs, tokens, at, since], [seconds, microseconds]] = await Promise.all([
    redis.hmget(keys.drain(queue), "jobs", "tokens", "at", "since"),
    redis.time(),
  ]);
  const now = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  if (now - Number(at ?? 0) > DRAIN_MS) return { jobsPerSecond: 0, tokensPerSecond: 0 };
  const known = 1 - Math.exp((Number(since ?? now) - now) / DRAIN_MS);
  if (known <= 0) return { jobsPerSecond: 0, tokensPerSecond: 0 };
  const factor = Math.exp((Number(at) - now) / DRAIN_MS) / known;
  return { jobsPerSecond: Number(jobs) * factor, tokensPerSecond: Number(tokens) * factor };
}

import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";

/** A receiver's circuit breaker. `open`: nothing is sent; `half_open`: the next attempt decides. */
export interface BreakerState {
  state: "closed" | "open" | "half_open";
  /** Attempts that have failed one after another. */
  failures: number;
  /** When it is half open, in milliseconds since the epoch; null when it is closed. */
  openUntilMs: number | null;
}

/** Of an endpoint. lua/record-attempt.lua changes it. */
export async function readBreaker(redis: Redis, keys: Keys, endpointId: string): Promise<BreakerState> {
  return guarded(async () => {
    const [[failures, until], [seconds, microseconds]] = await Promise.all([
      redis.hmget(keys.receiver(endpointId), "failures", "open_until_ms"),
      redis.time(),
    ]);
    const count = Number(failures ?? 0);
    if (typeof until !== "string") return { state: "closed", failures: count, openUntilMs: null };
    const isOpen = Number(until) > Number(seconds) * 1000 + Number(microseconds) / 1000;
    return { state: isOpen ? "open" : "half_open", failures: count, openUntilMs: Number(until) };
  });
}

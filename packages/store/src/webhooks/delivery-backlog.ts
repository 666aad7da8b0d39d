import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";

/** What is still to be told. */
export interface DeliveryBacklog {
  /** Deliveries that wait for their next attempt, or are being made. */
  pending: number;
  /** By how long the most overdue one is late, in milliseconds; 0: none is. */
  overdueMs: number;
  /** Receivers whose breaker is open, and half open. */
  receivers: { open: number; halfOpen: number };
  /** Events that no dispatcher has handled yet. */
  events: number;
  /** Age of the oldest of them, in milliseconds; 0 where there is none. */
  oldestEventMs: number;
}

export async function deliveryBacklog(redis: Redis, keys: Keys): Promise<DeliveryBacklog> {
  return guarded(async () => {
    const [[seconds, microseconds], [, due], pending, events, [oldest], untils] = await Promise.all([
      redis.time(),
      redis.zrange(keys.deliveriesDue, 0, "0", "WITHSCORES"),
      redis.zcard(keys.deliveriesDue),
      redis.xlen(keys.outbox),
      redis.xrange(keys.outbox, "-", "+", "COUNT", 1),
      redis.zrange(keys.receiversOpen, 0, "-1", "WITHSCORES"),
    ]);
    const now = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    const open = untils.filter((until, at) => at % 2 === 1 && Number(until) > now).length;
    // An entry's id begins with the time at which it was added.
    const since = oldest === undefined ? now : Number(oldest[0].split("-")[0]);
    return {
      pending,
      receivers: { open, halfOpen: untils.length / 2 - open },
      events,
      oldestEventMs: Math.max(0, now - since),
      overdueMs: due === undefined ? 0 : Math.max(0, now - Number(due)),
    };
  });
}

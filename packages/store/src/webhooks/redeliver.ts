import { type DeliveryStatus, newId } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";

/** `pending`: an attempt is due or under way already; `disabled`: its endpoint is. */
export type RedeliverResult = "scheduled" | "gone" | "pending" | "disabled";

export interface FailedQuery {
  owner: string;
  endpointId?: string;
  /** Of events since then, in milliseconds since the epoch. */
  sinceMs: number;
  /** Most deliveries that one call sends again. */
  limit: number;
}

/** Deliveries that may have failed: those without an attempt left, the discarded, and those that wait for their next one. */
const statuses: readonly DeliveryStatus[] = ["dead", "discarded", "pending"];
const BATCH = 200;

/** Sends a delivery again, whatever became of it. */
export async function redeliver(run: RunScript, { owner, id }: { owner: string; id: string }): Promise<RedeliverResult> {
  return (await run("redeliver", [id, owner, "one"])) as RedeliverResult;
}

/**
 * Sends again what has failed, the oldest first. What is sent has failed no more: the next call goes on behind it.
 * @returns `hasMore`: the limit was reached before everything was looked at
 */
export async function redeliverFailed(
  { redis, keys, run }: { redis: Redis; keys: Keys; run: RunScript },
  { owner, endpointId, sinceMs, limit }: FailedQuery,
): Promise<{ scheduled: number; hasMore: boolean }> {
  // No id of that time sorts before it.
  const first = newId("delivery", { now: () => Math.max(0, sinceMs), randomBytes: (count) => new Uint8Array(count), cell: 0 });
  const indexOf = (status: DeliveryStatus) =>
    endpointId === undefined ? keys.deliveriesOfOwner(owner, status) : keys.deliveriesOfEndpoint(endpointId, status);
  let scheduled = 0;
  for (const status of statuses) {
    for (let from = `[${first}`; ; ) {
      const ids = await guarded(() => redis.zrange(indexOf(status), from, "+", "BYLEX", "LIMIT", 0, BATCH));
      for (const id of ids) {
        if (scheduled === limit) return { scheduled, hasMore: true };
        if ((await run("redeliver", [id, owner, "failed"])) === "scheduled") scheduled += 1;
      }
      if (ids.length < BATCH) break;
      from = `(${ids.at(-1)}`;
    }
  }
  return { scheduled, hasMore: false };
}

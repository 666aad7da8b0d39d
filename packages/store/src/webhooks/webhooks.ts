import type { Delivery, DeliveryCarrier } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";
import { claimDelivery, type DeliveryClaim, type MadeAttempt, recordAttempt, renewAttempts } from "./attempts.ts";
import { type BreakerState, readBreaker } from "./breaker.ts";
import { deliveryBacklog } from "./delivery-backlog.ts";
import { readDeliveries } from "./delivery-record.ts";
import type { DueDelivery } from "./due-delivery.ts";
import { createEndpoints } from "./endpoints.ts";
import { type DeliveryQuery, listDeliveries } from "./list-deliveries.ts";
import { createOpening } from "./open-delivery.ts";
import { type FailedQuery, redeliver, redeliverFailed } from "./redeliver.ts";

export type TestResult = { outcome: "scheduled"; delivery: Delivery } | { outcome: "gone" | "disabled" };

/** Endpoints, and the deliveries of events to them and to jobs' own URLs. */
export function createWebhooks(redis: Redis, keys: Keys, run: RunScript, cell: number) {
  const { discardPending, ...endpoints } = createEndpoints(redis, keys, run, cell);
  const { openTest, ...opening } = createOpening(redis, keys, run, cell, endpoints.listEndpoints);
  /** Only the owner's own one. */
  const getDelivery = async ({ owner, id }: { owner: string; id: string }): Promise<Delivery | null> => {
    const [delivery] = await guarded(() => readDeliveries(redis, keys, [id]));
    if (!delivery || delivery.owner !== owner) return null;
    const { owner: _, ...view } = delivery;
    return view;
  };
  return {
    ...endpoints,
    ...opening,
    discardPending,
    getDelivery,
    /** Sends an endpoint an event that tells of no job. The dispatchers take it up at once. */
    async sendTest({ owner, endpointId }: { owner: string; endpointId: string }): Promise<TestResult> {
      const opened = await openTest(await endpoints.getEndpoint({ owner, id: endpointId }));
      if (opened.outcome !== "scheduled") return { outcome: opened.outcome };
      const delivery = await getDelivery({ owner, id: opened.deliveryId });
      return delivery === null ? { outcome: "gone" } : { outcome: "scheduled", delivery };
    },
    claimDelivery: (carrier: Pick<DeliveryCarrier, "delivery_id" | "round">, limit?: number) =>
      claimDelivery(run, carrier, limit),
    renewAttempts: (claims: readonly DeliveryClaim[]) => renewAttempts(run, claims),
    recordAttempt: (attempt: MadeAttempt) => recordAttempt(run, attempt),
    redeliver: (delivery: { owner: string; id: string }) => redeliver(run, delivery),
    redeliverFailed: (query: FailedQuery) => redeliverFailed({ redis, keys, run }, query),
    listDeliveries: (query: DeliveryQuery) => guarded(() => listDeliveries(redis, keys, query)),
    breakerOf: (endpointId: string): Promise<BreakerState> => readBreaker(redis, keys, endpointId),
    backlog: () => deliveryBacklog(redis, keys),
    /** Deliveries that have been due for at least `lateMs`, the longest overdue first: those whose carriers may be missing. */
    lateDeliveries: (lateMs: number, limit: number): Promise<DueDelivery[]> =>
      guarded(async () => {
        const [seconds] = await redis.time();
        const before = Number(seconds) * 1000 - lateMs;
        const ids = await redis.zrange(keys.deliveriesDue, "-inf", String(before), "BYSCORE", "LIMIT", 0, limit);
        const rounds = await Promise.all(ids.map((id) => redis.hget(keys.delivery(id), "round")));
        return ids.map((deliveryId, index) => ({ deliveryId, round: Number(rounds[index] ?? 1), delayMs: 0 }));
      }),
  };
}
export type Webhooks = ReturnType<typeof createWebhooks>;

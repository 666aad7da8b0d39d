import { type Delivery, type DeliveryStatus, deliveryStatuses } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { readIndexes } from "../read-indexes.ts";
import { type OwnedDelivery, readDeliveries } from "./delivery-record.ts";

export interface DeliveryQuery {
  owner: string;
  jobId?: string;
  endpointId?: string;
  /** `dead` is the dead-letter list. */
  status?: DeliveryStatus;
  limit: number;
  /** The id after which the page starts. */
  after?: string;
}

export interface DeliveryPage {
  deliveries: Delivery[];
  hasMore: boolean;
}

/** A page of an owner's deliveries by the time of their events, the newest first. */
export async function listDeliveries(redis: Redis, keys: Keys, query: DeliveryQuery): Promise<DeliveryPage> {
  const indexes = indexesOf(keys, query);
  const found: Delivery[] = [];
  for (let after = query.after; ; ) {
    const ids = await readIndexes(redis, indexes, "desc", after, query.limit + 1);
    for (const delivery of await readDeliveries(redis, keys, ids)) {
      if (delivery === null || !fits(delivery, query)) continue;
      if (found.length === query.limit) return { deliveries: found, hasMore: true };
      const { owner, ...view } = delivery;
      found.push(view);
    }
    after = ids.at(-1);
    if (ids.length <= query.limit) return { deliveries: found, hasMore: false };
  }
}

/** The narrowest indexes that hold all that fits. */
function indexesOf(keys: Keys, { owner, jobId, endpointId, status }: DeliveryQuery): string[] {
  if (jobId !== undefined) return [keys.deliveriesOfJob(jobId)];
  const statuses = status === undefined ? deliveryStatuses : [status];
  if (endpointId !== undefined) return statuses.map((each) => keys.deliveriesOfEndpoint(endpointId, each));
  return statuses.map((each) => keys.deliveriesOfOwner(owner, each));
}

/** Asked of the record, since an index may be somebody else's, wider than the query, or older than the record. */
function fits(delivery: OwnedDelivery, { owner, jobId, endpointId, status }: DeliveryQuery): boolean {
  return (
    delivery.owner === owner &&
    (jobId === undefined || delivery.job_id === jobId) &&
    (endpointId === undefined || delivery.endpoint_id === endpointId) &&
    (status === undefined || delivery.status === status)
  );
}

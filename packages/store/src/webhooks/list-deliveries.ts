import { type Delivery, type DeliveryStatus, deliveryStatuses } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import { readPage } from "../read-page.ts";
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
  const { found, hasMore } = await readPage(redis, {
    ...{ indexes: indexesOf(keys, query), order: "desc", after: query.after, limit: query.limit },
    read: (ids) => readDeliveries(redis, keys, ids),
    fits: (delivery) => fits(delivery, query),
  });
  return { deliveries: found.map(({ owner, ...view }) => view), hasMore };
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

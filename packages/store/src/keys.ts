import type { DeliveryStatus, JobStatus } from "@llamero/core";

export const NOTIFY_BUCKETS = 64;

/** The names of all keys and channels. The braces are the Redis Cluster hash tag: a cell's keys share one slot. */
export function createKeys(prefix: string, cell: number) {
  const base = `${prefix}:{c${cell}}:`;
  return {
    base,
    /** BullMQ's own prefix, in the same slot. */
    queues: `${base}bull`,
    job: (id: string) => `${base}job:${id}`,
    request: (id: string) => `${base}req:${id}`,
    result: (id: string) => `${base}out:${id}`,
    errorMessage: (id: string) => `${base}err:${id}`,
    metadata: (id: string) => `${base}meta:${id}`,
    chunks: (id: string) => `${base}chunks:${id}`,
    /** The models that an owner has jobs for. */
    byOwner: (owner: string) => `${base}own:${owner}`,
    /** The jobs of an owner for a model in a state, sorted by id. */
    index: (owner: string, slug: string, status: JobStatus) => `${base}own:${owner}:${slug}:${status}`,
    backlog: (slug: string, group: string) => `${base}backlog:${slug}:${group}`,
    groups: (slug: string) => `${base}groups:${slug}`,
    window: (slug: string) => `${base}window:${slug}`,
    workers: `${base}workers`,
    worker: (id: string) => `${base}worker:${id}`,
    catalogue: `${base}catalogue`,
    apiKeys: `${base}api_keys`,
    /** The webhook that a job was submitted with. */
    hook: (jobId: string) => `${base}hook:${jobId}`,
    endpoint: (id: string) => `${base}endpoint:${id}`,
    endpointsOf: (owner: string) => `${base}endpoints:${owner}`,
    delivery: (id: string) => `${base}delivery:${id}`,
    /** The log of a delivery, oldest attempt first. */
    attempts: (deliveryId: string) => `${base}attempts:${deliveryId}`,
    /** Deliveries in a state, sorted by id. */
    deliveriesOfOwner: (owner: string, status: DeliveryStatus) => `${base}deliveries:own:${owner}:${status}`,
    deliveriesOfEndpoint: (endpointId: string, status: DeliveryStatus) => `${base}deliveries:end:${endpointId}:${status}`,
    deliveriesOfJob: (jobId: string) => `${base}deliveries:job:${jobId}`,
    /** All pending deliveries, by when they are due. */
    deliveriesDue: `${base}deliveries:due`,
    /** The circuit breaker of a receiver, and whether it is slow. */
    receiver: (receiver: string) => `${base}receiver:${receiver}`,
    outbox: `${base}outbox`,
    control: `${base}control`,
    notify: (bucket: number) => `${base}notify:${bucket}`,
  };
}
export type Keys = ReturnType<typeof createKeys>;

/** The channel of a job; lua/lib.lua computes the same. */
export function notifyBucket(jobId: string): number {
  return (jobId.charCodeAt(jobId.length - 1) * 31 + jobId.charCodeAt(jobId.length - 2)) % NOTIFY_BUCKETS;
}

import type { DeliveryStatus, JobStatus, Priority } from "@llamero/core";

export const NOTIFY_BUCKETS = 64;

/** The line of jobs that came without a key; lua/lines.lua has the same. */
const NO_KEY = "-";

/** Of batches and their segments. */
const batchKeys = (base: string) => ({
  batch: (id: string) => `${base}batch:${id}`,
  /** The batches of an owner, sorted by id. */
  batchesOf: (owner: string) => `${base}batches:${owner}`,
  /** The segments of a batch's input, each as `offset bytes line lines`. */
  segments: (batch: string) => `${base}batch_segments:${batch}`,
  /** Open segment → its jobs that have not ended. */
  openJobs: (batch: string) => `${base}batch_open:${batch}`,
  /** Line → why it did not become jobs. */
  refusedLines: (batch: string, segment: number) => `${base}batch_refused:${batch}:${segment}`,
  /** Closed segments whose jobs are still there. */
  toErase: (batch: string) => `${base}batch_erase:${batch}`,
  /** Parts that are being written, as `segment.fence`. */
  batchObjects: (batch: string) => `${base}batch_objects:${batch}`,
});

/** What Redis Cluster computes the slot of a cell's keys from. */
export const hashTag = (cell: number) => `c${cell}`;

/** The names of all keys and channels. The braces are the Redis Cluster hash tag: a cell's keys share one slot. */
export function createKeys(prefix: string, cell: number) {
  const base = `${prefix}:{${hashTag(cell)}}:`;
  return {
    base,
    /** BullMQ's own prefix, in the same slot. */
    queues: `${base}bull`,
    job: (id: string) => `${base}job:${id}`,
    request: (id: string) => `${base}req:${id}`,
    result: (id: string) => `${base}out:${id}`,
    errorMessage: (id: string) => `${base}err:${id}`,
    metadata: (id: string) => `${base}meta:${id}`,
    /** What is kept of the call that a job came by. */
    door: (id: string) => `${base}door:${id}`,
    /** The way of a job that has asked for an alias. */
    route: (id: string) => `${base}route:${id}`,
    chunks: (id: string) => `${base}chunks:${id}`,
    /** The models that an owner has jobs for. */
    byOwner: (owner: string) => `${base}own:${owner}`,
    /** The jobs of an owner for a model in a state, sorted by id. */
    index: (owner: string, slug: string, status: JobStatus) => `${base}own:${owner}:${slug}:${status}`,
    /** The jobs of an owner, class and API key that wait in a queue, by when they could first run. */
    backlog: (queue: string, priority: Priority, owner: string, key: string | null) =>
      `${base}backlog:${queue}:${priority}:${owner}:${key ?? NO_KEY}`,
    /** The API keys whose jobs an owner has waiting, but for those that run as many as they may. */
    lines: (queue: string, priority: Priority, owner: string) => `${base}lines:${queue}:${priority}:${owner}`,
    /** The owners who wait in a class of a queue, by the virtual time of their next job: the lowest is next. */
    turns: (queue: string, priority: Priority) => `${base}turns:${queue}:${priority}`,
    /** How many jobs there are by `model:class:state`; of those that have ended, how many ever did. */
    states: `${base}states`,
    /** How many jobs wait, by `queue:class`. */
    waiting: `${base}waiting`,
    /** What those of a `queue:class` are expected to cost, in tokens. */
    waitingTokens: `${base}waiting_tokens`,
    /** What the workers of a queue have ended of late (lua/backlog.lua). */
    drain: (queue: string) => `${base}drain:${queue}`,
    /** Owner → its weight where that is not 1. */
    weights: `${base}weights`,
    /** Queue → state of its breaker, where that is not closed (lua/breaker.lua). */
    breakers: `${base}breakers`,
    breaker: (queue: string) => `${base}breaker:${queue}`,
    window: (slug: string) => `${base}window:${slug}`,
    workers: `${base}workers`,
    worker: (id: string) => `${base}worker:${id}`,
    /** What is wanted of a worker. */
    wish: (worker: string) => `${base}wish:${worker}`,
    catalogue: `${base}catalogue`,
    apiKeys: `${base}api_keys`,
    /** Both the settings and the channel on which their changes are told. */
    settings: `${base}settings`,
    settingsHistory: `${base}settings_history`,
    audit: `${base}audit`,
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
    /** Receivers whose breaker is not closed, by when it is half open. */
    receiversOpen: `${base}receivers_open`,
    file: (id: string) => `${base}file:${id}`,
    /** The files of an owner, sorted by id. */
    filesOf: (owner: string) => `${base}files:${owner}`,
    /** Segment → `fence bytes` of the part that it has in a batch's file. */
    fileParts: (id: string) => `${base}file_parts:${id}`,
    /** Files whose objects are being written, by when that began. */
    uploads: `${base}uploads`,
    /** Files whose objects are to be removed → `batch part`, or '' for uploaded ones. */
    removals: `${base}removals`,
    ...batchKeys(base),
    schedule: (id: string) => `${base}schedule:${id}`,
    /** The schedules of an owner, sorted by id. */
    schedulesOf: (owner: string) => `${base}schedules:${owner}`,
    /** The ids of all schedules. */
    schedules: `${base}schedules`,
    /** What is counted of a model's answers that are given again. */
    reuseCounts: (slug: string) => `${base}reuse:${slug}`,
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

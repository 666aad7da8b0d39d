import { type JobStatus, type Priority, priorities, queueSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import { backlogs } from "./backlogs.ts";
import { type DrainRate, drainRate, type WorkerPace } from "./drain-rate.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

/** How many jobs of a model and class there are in a state; of those that have ended, how many ever did. */
export interface JobCount {
  slug: string;
  priority: Priority;
  status: JobStatus;
  jobs: number;
}

/** What stands in the lines of a class of a queue: jobs that wait and are not about to run. */
export interface Waiting {
  jobs: number;
  /** That they are expected to cost, of prompts and completions. */
  tokens: number;
}

/** A queue: the jobs of a model and of its variants. */
export interface QueueState extends DrainRate, WorkerPace {
  /** Slug of the model. */
  queue: string;
  waiting: Record<Priority, Waiting>;
  /** Jobs of it, in lines and not. */
  counts: Record<"scheduled" | "queued" | "running", number>;
  /** For how long the oldest has waited for a worker; null: none waits. */
  oldestMs: number | null;
}

export async function jobCounts(redis: Redis, keys: Keys): Promise<JobCount[]> {
  const counts = await guarded(() => redis.hgetall(keys.states));
  return Object.entries(counts).map(([name, jobs]) => {
    const [slug = "", priority, status] = name.split(":");
    return { slug, priority: priority as Priority, status: status as JobStatus, jobs: Number(jobs) };
  });
}

/** @param slugs of the models; variants have no queue of their own */
export async function readQueues(redis: Redis, keys: Keys, run: RunScript, slugs: readonly string[]): Promise<QueueState[]> {
  const queues = [...new Set(slugs.map(queueSlug))];
  if (queues.length === 0) return [];
  const fields = queues.flatMap((queue) => priorities.map((priority) => `${queue}:${priority}`));
  const [jobs, tokens, oldest, rates, counts] = await Promise.all([
    guarded(() => redis.hmget(keys.waiting, ...fields)),
    guarded(() => redis.hmget(keys.waitingTokens, ...fields)),
    backlogs(run, "", queues),
    guarded(() => Promise.all(queues.map((queue) => drainRate(redis, keys, queue)))),
    jobCounts(redis, keys),
  ]);
  const waitingOf = (at: number): Waiting => ({ jobs: Number(jobs[at] ?? 0), tokens: Number(tokens[at] ?? 0) });
  return queues.map((queue, index) => ({
    queue,
    waiting: Object.fromEntries(
      priorities.map((priority, at) => [priority, waitingOf(index * priorities.length + at)]),
    ) as QueueState["waiting"],
    counts: countsOf(counts.filter(({ slug }) => queueSlug(slug) === queue)),
    oldestMs: oldest.get(queue)?.waitingMs ?? null,
    ...(rates[index] ?? { jobsPerSecond: 0, tokensPerSecond: 0, slots: null, tokenMs: null }),
  }));
}

function countsOf(counts: readonly JobCount[]): QueueState["counts"] {
  const of = (status: JobStatus) => counts.filter((count) => count.status === status).reduce((sum, { jobs }) => sum + jobs, 0);
  return { scheduled: of("scheduled"), queued: of("queued"), running: of("running") };
}

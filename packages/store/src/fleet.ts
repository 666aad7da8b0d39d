import type { Redis } from "ioredis";
import { type FedJob, readFed } from "./fed-job.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

/** How often a worker says that it lives, and how long silence is taken for life. Milliseconds. */
export const BEAT_INTERVAL_MS = 2_000;
export const BEAT_TTL_MS = 10_000;

export interface WorkerBeat {
  workerId: string;
  host: string;
  pid: number;
  /** Slots per model slug; none says goodbye. */
  slots: { slug: string; slots: number }[];
}

/** Says that a worker lives; resizes the windows of its models and fills them. */
export async function beat(run: RunScript, worker: WorkerBeat): Promise<FedJob[]> {
  const info = JSON.stringify({ host: worker.host, pid: worker.pid });
  const slots = worker.slots.flatMap(({ slug, slots }) => [slug, slots]);
  return readFed((await run("beat", [worker.workerId, BEAT_TTL_MS, info, ...slots])) as unknown[]);
}

export interface LiveWorker {
  id: string;
  slugs: string[];
}

export async function liveWorkers(redis: Redis, keys: Keys): Promise<LiveWorker[]> {
  return guarded(async () => {
    const [seconds] = await redis.time();
    const ids = await redis.zrange(keys.workers, Number(seconds) * 1000, "+inf", "BYSCORE");
    const models = await Promise.all(ids.map((id) => redis.hget(keys.worker(id), "models")));
    return ids.map((id, index) => ({ id, slugs: (models[index] ?? "").split(" ").filter(Boolean) }));
  });
}

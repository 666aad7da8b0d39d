import { prioritySchema, readCarrierId } from "@llamero/core";
import type { Redis } from "ioredis";
import { type FedJob, readFed } from "./fed-job.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

export interface SweepResult {
  /** Scheduled jobs that became due. */
  due: number;
  /** Jobs ended by their deadline, by an unanswered stop or by the answer of a twin, and those that got the place of their leader. */
  ended: number;
  /** Finished jobs removed after their retention. */
  retired: number;
  /** Answers that were removed. */
  forgotten: number;
  fed: FedJob[];
}

/** One bounded pass: at most `limit` of each kind. Call again at once while any count reaches it. */
export async function sweep(run: RunScript, options: { retentionMs: number; limit: number }): Promise<SweepResult> {
  const reply = (await run("sweep", [options.retentionMs, options.limit])) as unknown[];
  const [due, ended, retired, forgotten] = reply;
  const counts = { due: Number(due), ended: Number(ended), retired: Number(retired), forgotten: Number(forgotten) };
  return { ...counts, fed: readFed(reply, 4) };
}

export interface WindowEntry {
  jobId: string;
  status: string;
  fence: number;
  /** As it was fed, or as the job was whose carrier it has now. */
  carrier: FedJob;
}

/** Jobs that were fed at least `ageMs` ago and have not ended: those whose carriers may be missing. */
export async function staleWindow(redis: Redis, keys: Keys, slug: string, ageMs: number, limit: number): Promise<WindowEntry[]> {
  return guarded(async () => {
    const [seconds] = await redis.time();
    const before = String(Number(seconds) * 1000 - ageMs);
    const ids = await redis.zrange(keys.window(slug), "-inf", before, "BYSCORE", "LIMIT", 0, limit);
    const fields = ["run", "status", "fence", "class", "carrier"] as const;
    const records = await Promise.all(ids.map((id) => redis.hmget(keys.job(id), ...fields)));
    return records.map(([run, status, fence, priority, carrier], index) => {
      const jobId = ids[index] ?? "";
      const own = carrier ? readCarrierId(carrier) : { job_id: jobId, run: Number(run) };
      const fed = { jobId: own.job_id, run: own.run, slug, priority: prioritySchema.parse(priority ?? "normal") };
      return { jobId, status: status ?? "", fence: Number(fence ?? 0), carrier: fed };
    });
  });
}

import { type Placement, placementSchema } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import { type FedJob, readFed } from "./fed-job.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

/** How often a worker says that it lives, and how long silence is taken for life. Milliseconds. */
export const BEAT_INTERVAL_MS = 2_000;
export const BEAT_TTL_MS = 10_000;

const slotsSchema = z.array(z.object({ slug: z.string(), slots: z.int().nonnegative() }));

/** What a heartbeat leaves to be read. */
const infoSchema = z.object({
  host: z.string(),
  pid: z.int(),
  slots: slotsSchema,
  models: z.array(placementSchema),
  /** What it serves, as `LLAMERO_MODELS` has it. */
  specs: z.array(z.string()).default([]),
  is_drained: z.boolean().default(false),
  /** That its jobs have cost of late. */
  tokens_per_second: z.number().default(0),
  started_at_ms: z.int().default(0),
  /** Why what was wanted of it could not be done; null: nothing is wrong. */
  wish_error: z.string().nullable().default(null),
});

export interface WorkerBeat {
  workerId: string;
  host: string;
  pid: number;
  /** Slots of the models that take jobs; 0 for those that are being loaded. */
  slots: z.infer<typeof slotsSchema>;
  /** All its models, with those that it has not loaded. Neither slots nor models says goodbye. */
  models?: Placement[];
  specs?: readonly string[];
  isDrained?: boolean;
  startedAtMs?: number;
  tokensPerSecond?: number;
  wishError?: string | null;
  /** Slugs of the variants of all its models. */
  variants?: readonly string[];
}

/** Says that a worker lives; resizes the windows of its models and fills them. */
export async function beat(
  run: RunScript,
  { workerId, host, pid, slots, models = [], variants = [], ...beat }: WorkerBeat,
): Promise<FedJob[]> {
  const { specs = [], isDrained = false, startedAtMs = 0, tokensPerSecond = 0, wishError = null } = beat;
  const state = {
    specs: [...specs],
    is_drained: isDrained,
    started_at_ms: startedAtMs,
    tokens_per_second: tokensPerSecond,
    wish_error: wishError,
  };
  const info = JSON.stringify({ host, pid, slots, models, ...state } satisfies z.input<typeof infoSchema>);
  const isLeaving = slots.length + models.length === 0;
  const served = slots.flatMap(({ slug, slots }) => [slug, slots]);
  return readFed((await run("beat", [workerId, isLeaving ? 0 : BEAT_TTL_MS, info, variants.join(" "), ...served])) as unknown[]);
}

export interface LiveWorker extends z.infer<typeof infoSchema> {
  id: string;
}

export async function liveWorkers(redis: Redis, keys: Keys): Promise<LiveWorker[]> {
  return guarded(async () => {
    const [seconds] = await redis.time();
    const ids = await redis.zrange(keys.workers, Number(seconds) * 1000, "+inf", "BYSCORE");
    const infos = await Promise.all(ids.map((id) => redis.hget(keys.worker(id), "info")));
    return infos.flatMap((info, index) => {
      // Gone between the two reads.
      if (info === null) return [];
      return [{ id: ids[index] ?? "", ...infoSchema.parse(JSON.parse(info)) }];
    });
  });
}

import { AppError, type ScaleLimits, scaleOf } from "@llamero/core";
import { findModel, loadOf, type Store } from "@llamero/store";
import { z } from "zod";
import { statusOf } from "./model-status.ts";
import { intParam } from "./params.ts";

const MOST_WORKERS = 10_000;

/** For how long a job may wait, and how many workers there may be. */
export const scaleQuerySchema = z.strictObject({
  target_seconds: intParam(1, 86_400, 60),
  min: intParam(0, MOST_WORKERS, 0),
  max: intParam(0, MOST_WORKERS, MOST_WORKERS),
});

export const scaleSchema = z
  .object({
    object: z.literal("queue.scale"),
    model: z.string(),
    desired_workers: z.int().nonnegative(),
    workers: z.int().nonnegative().meta({ description: "That run its jobs now." }),
    target_seconds: z.number(),
    waiting_tokens: z.number().meta({ description: "Of prompts and completions, that waiting jobs are expected to cost." }),
    running: z.int().nonnegative(),
    tokens_per_second: z.number().meta({ description: "Of the jobs that ended of late, averaged over a minute." }),
    tokens_per_second_per_worker: z.number().nullable().meta({
      description: "What one does with all its slots in use, as jobs have shown; null until one has ended.",
    }),
  })
  .meta({ id: "QueueScale" });

/** How many workers a model's queue needs. @throws AppError `model_not_found`, `no_models` */
export async function readScale(
  store: Pick<Store, "catalogue" | "queues" | "liveWorkers">,
  model: string,
  limits: ScaleLimits,
): Promise<z.infer<typeof scaleSchema>> {
  const entry = findModel(await store.catalogue(), model);
  const [[queue], live] = await Promise.all([store.queues([entry.slug]), store.liveWorkers()]);
  if (queue === undefined) throw new AppError("internal_error", `The queue of "${model}" could not be read.`);
  const load = loadOf(queue);
  const { desired, tokensPerSecondPerWorker } = scaleOf(load, limits);
  return {
    object: "queue.scale",
    model: entry.name,
    desired_workers: desired,
    workers: statusOf(queue.queue, live).workers,
    target_seconds: limits.targetSeconds,
    waiting_tokens: Math.round(load.waitingTokens),
    running: load.runningJobs,
    tokens_per_second: Math.round(load.servedTokensPerSecond * 10) / 10,
    tokens_per_second_per_worker: tokensPerSecondPerWorker === null ? null : Math.round(tokensPerSecondPerWorker * 10) / 10,
  };
}

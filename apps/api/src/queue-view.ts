import { AppError, type ModelEntry, prioritySchema } from "@llamero/core";
import { findModel, type LiveWorker, type QueueState, type RouteBreaker, type Store } from "@llamero/store";
import { z } from "zod";
import { breakerView, modelStatusSchema, statusOf } from "./model-status.ts";

const waitingSchema = z.object({
  jobs: z.int().nonnegative(),
  tokens: z.int().meta({ description: "Of prompts and completions, that they are expected to cost." }),
});

/** The queue of a model and its variants, as operators see it. */
export const queueSchema = z
  .object({
    object: z.literal("queue"),
    model: z.string().meta({ description: "Its variants wait in the same queue." }),
    waiting: z.record(prioritySchema, waitingSchema).meta({ description: "Jobs that wait and are not about to run, by class." }),
    queued: z.int().nonnegative().meta({ description: "Jobs that wait, with those that are about to run." }),
    running: z.int().nonnegative(),
    scheduled: z.int().nonnegative().meta({ description: "Jobs whose time has not come." }),
    oldest_seconds: z
      .number()
      .nullable()
      .meta({ description: "Age of the oldest one that waits for a worker; null: none does." }),
    jobs_per_second: z.number().meta({ description: "That ended of late, averaged over a minute." }),
    tokens_per_second: z.number().meta({ description: "Of those." }),
    eta_seconds: z
      .number()
      .nullable()
      .meta({ description: "Until what waits has ended, at this rate; null where nothing has ended of late." }),
    ...modelStatusSchema.shape,
  })
  .meta({ id: "Queue" });
export type QueueView = z.infer<typeof queueSchema>;

interface QueuesSeen {
  catalogue: readonly ModelEntry[];
  live: readonly LiveWorker[];
  breakers: ReadonlyMap<string, RouteBreaker>;
}

type Reads = Pick<Store, "catalogue" | "liveWorkers" | "breakers" | "queues">;

export async function readQueueViews(store: Reads): Promise<QueueView[]> {
  const [catalogue, live, breakers] = await Promise.all([store.catalogue(), store.liveWorkers(), store.breakers()]);
  const queues = await store.queues(catalogue.map(({ slug }) => slug));
  return queues.map((queue) => viewOf(queue, { catalogue, live, breakers }));
}

/** The queue that a model's jobs wait in. @throws AppError `model_not_found`, `no_models` */
export async function readQueueView(store: Reads, model: string): Promise<QueueView> {
  const catalogue = await store.catalogue();
  const { slug } = findModel(catalogue, model);
  const [[queue], live, breakers] = await Promise.all([store.queues([slug]), store.liveWorkers(), store.breakers()]);
  if (queue === undefined) throw new AppError("internal_error", `The queue of "${model}" could not be read.`);
  return viewOf(queue, { catalogue, live, breakers });
}

const tenth = (value: number) => Math.round(value * 10) / 10;

function viewOf(state: QueueState, { catalogue, live, breakers }: QueuesSeen): QueueView {
  const { queue, waiting, counts, oldestMs, jobsPerSecond, tokensPerSecond } = state;
  const tokens = Object.values(waiting).reduce((sum, each) => sum + each.tokens, 0);
  return {
    object: "queue",
    model: catalogue.find(({ slug }) => slug === queue)?.name ?? queue,
    waiting,
    ...counts,
    oldest_seconds: oldestMs === null ? null : tenth(oldestMs / 1_000),
    jobs_per_second: Math.round(jobsPerSecond * 1_000) / 1_000,
    tokens_per_second: tenth(tokensPerSecond),
    eta_seconds: tokens === 0 ? 0 : tokensPerSecond === 0 ? null : tenth(tokens / tokensPerSecond),
    ...statusOf(queue, live),
    breaker: breakerView(breakers.get(queue)),
  };
}

import { AppError, type ModelEntry, placementSchema } from "@llamero/core";
import type { LiveWorker, Store, WorkerWish } from "@llamero/store";
import { z } from "zod";

const workerModelSchema = placementSchema.omit({ slug: true }).extend({
  name: z.string(),
  slots: z.int().nonnegative().meta({ description: "Jobs that it runs at once." }),
});

/** A live worker, as its last heartbeat has it. */
export const workerSchema = z
  .object({
    id: z.string().meta({ example: "wrk_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    object: z.literal("worker"),
    host: z.string(),
    pid: z.int(),
    started_at: z.iso.datetime(),
    is_drained: z.boolean().meta({ description: "It takes no jobs; those that it had end." }),
    tokens_per_second: z.number().meta({ description: "That its jobs have cost of late, averaged over a minute." }),
    models: z.array(workerModelSchema),
    specs: z.array(z.string()).meta({ description: "What it serves, as `LLAMERO_MODELS` has it." }),
    error: z
      .string()
      .nullable()
      .meta({ description: "Why its models could not be changed as was asked; null: nothing is wrong." }),
  })
  .meta({ id: "Worker" });
export type WorkerView = z.infer<typeof workerSchema>;

type Reads = Pick<Store, "catalogue" | "liveWorkers">;

export async function readWorkers(store: Reads): Promise<WorkerView[]> {
  const [catalogue, live] = await Promise.all([store.catalogue(), store.liveWorkers()]);
  return live.map((worker) => viewOf(worker, catalogue)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** @throws AppError `worker_not_found` */
export async function readWorker(store: Reads, id: string): Promise<WorkerView> {
  const worker = (await readWorkers(store)).find((each) => each.id === id);
  return worker ?? noWorker(id);
}

/** Tells a live worker what is wanted of it, and shows it as it is. @throws AppError `worker_not_found` */
export async function tellWorker(
  store: Reads & Pick<Store, "wishOfWorker">,
  id: string,
  wish: Partial<WorkerWish>,
  note: { by: string; action: string },
): Promise<WorkerView> {
  return (await store.wishOfWorker(id, wish, note)) ? readWorker(store, id) : noWorker(id);
}

/** Where nobody has the id. */
function noWorker(id: string): never {
  throw new AppError("worker_not_found", `There is no live worker "${id}". GET /v1/workers lists them.`, { param: "id" });
}

function viewOf(worker: LiveWorker, catalogue: readonly ModelEntry[]): WorkerView {
  const names = new Map(catalogue.map(({ slug, name }) => [slug, name]));
  const slots = new Map(worker.slots.map((each) => [each.slug, each.slots]));
  return {
    id: worker.id,
    object: "worker",
    host: worker.host,
    pid: worker.pid,
    started_at: new Date(worker.started_at_ms).toISOString(),
    is_drained: worker.is_drained,
    tokens_per_second: Math.round(worker.tokens_per_second * 10) / 10,
    models: worker.models.map(({ slug, ...model }) => ({ name: names.get(slug) ?? slug, slots: slots.get(slug) ?? 0, ...model })),
    specs: worker.specs,
    error: worker.wish_error,
  };
}

import { placementSchema, placementStates } from "@llamero/core";
import type { LiveWorker, RouteBreaker } from "@llamero/store";
import { z } from "zod";

/** How a model stands over all live workers. */
export const modelStatusSchema = z.object({
  status: z
    .enum(placementStates)
    .exclude(["draining"])
    .meta({
      description:
        "`ready`: a worker runs its jobs now. `loading`, `failed`: none does, and one loads it or could not. `unloaded`: none has it " +
        "in memory; a worker that serves it loads it when jobs wait.",
    }),
  error: placementSchema.shape.error.meta({ description: "Why a worker could not load it; null unless it `failed`." }),
  workers: z.int().nonnegative().meta({ description: "Live workers that run its jobs now; at 0 they wait." }),
  slots: z.int().nonnegative().meta({ description: "Jobs that run at the same time, over all workers." }),
  breaker: z
    .object({
      state: z.enum(["open", "half"]).meta({ description: "`half`: one job at a time may try." }),
      code: z.string().meta({ description: "The error that opened it." }),
      open_until: z.iso.datetime().nullable(),
    })
    .nullable()
    .meta({ description: "What keeps jobs from a model that fails; null while nothing does." }),
});
export type ModelStatus = z.infer<typeof modelStatusSchema>;

export function breakerView(breaker: RouteBreaker | undefined): ModelStatus["breaker"] {
  if (breaker === undefined) return null;
  const { state, code, untilMs } = breaker;
  return { state, code, open_until: untilMs === null ? null : new Date(untilMs).toISOString() };
}

export function statusOf(slug: string, live: readonly LiveWorker[]): Omit<ModelStatus, "breaker"> {
  const serving = live.flatMap((worker) => worker.slots.filter((entry) => entry.slug === slug && entry.slots > 0));
  const slots = serving.reduce((sum, entry) => sum + entry.slots, 0);
  const placements = live.flatMap((worker) => worker.models.filter((model) => model.slug === slug));
  const counts = { workers: serving.length, slots };
  if (slots > 0) return { status: "ready", error: null, ...counts };
  if (placements.some(({ state }) => state === "loading")) return { status: "loading", error: null, ...counts };
  const failed = placements.find(({ state }) => state === "failed");
  return failed === undefined
    ? { status: "unloaded", error: null, ...counts }
    : { status: "failed", error: failed.error, ...counts };
}

import { placementSchema, placementStates } from "@llamero/core";
import type { LiveWorker } from "@llamero/store";
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
});
export type ModelStatus = z.infer<typeof modelStatusSchema>;

export function statusOf(slug: string, live: readonly LiveWorker[]): ModelStatus {
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

import { z } from "zod";

/**
 * Where a model stands in a worker: `loading` also while an engine that crashed is replaced; `draining` ends the jobs it has and
 * takes no more, then it is `unloaded`; `failed` could not be loaded and is tried again.
 */
export const placementStates = ["unloaded", "loading", "ready", "draining", "failed"] as const;
export type PlacementState = (typeof placementStates)[number];

/** One of a worker's models, as its heartbeat tells. */
export const placementSchema = z.object({
  slug: z.string(),
  state: z.enum(placementStates),
  /** Bytes that it takes of the memory that the worker's models share. */
  size_bytes: z.int().nonnegative(),
  /** What the loaded model has on the GPU; null while it is not loaded, or runs on the CPU. */
  gpu: z
    .object({
      backend: z.string(),
      layers: z.int().nonnegative(),
      total_layers: z.int().nonnegative(),
      vram_estimated_bytes: z.int().nonnegative(),
      vram_used_bytes: z.int().nonnegative(),
    })
    .nullable(),
  /** Why it could not be loaded; null in every other state. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Placement = z.infer<typeof placementSchema>;

import { AppError, type ModelEntry, modelEntrySchema } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";

/** Records what a worker serves; the entry stays after the worker goes. */
export async function announceModel(redis: Redis, keys: Keys, entry: ModelEntry): Promise<void> {
  await guarded(() => redis.hset(keys.catalogue, entry.name, JSON.stringify(entry)));
}

/** All models that any worker has served, the default first, then by name. */
export async function readCatalogue(redis: Redis, keys: Keys): Promise<ModelEntry[]> {
  const entries = await guarded(() => redis.hgetall(keys.catalogue));
  return Object.values(entries)
    .map((entry) => modelEntrySchema.parse(JSON.parse(entry)))
    .sort(
      (a, b) =>
        Number(b.is_default) - Number(a.is_default) || a.registered_at_ms - b.registered_at_ms || (a.name < b.name ? -1 : 1),
    );
}

/**
 * Finds the model a request names, or the default one.
 * @param alias what was asked for, where it stands for the model
 * @throws AppError `model_not_found` naming those that exist, `no_models` when no worker has announced one yet
 */
export function findModel(catalogue: readonly ModelEntry[], name: string | undefined, alias?: string): ModelEntry {
  const [first] = catalogue;
  if (first === undefined)
    throw new AppError("no_models", "No worker has announced a model yet. Start one with `llamero worker`, then try again.");
  if (name === undefined) return first;
  const entry = catalogue.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const known = catalogue.map((candidate) => candidate.name).join(", ");
  const stands = alias === undefined ? "" : `, for which "${alias}" stands`;
  throw new AppError("model_not_found", `There is no model "${name}"${stands}. Models: ${known}.`, { param: "model" });
}

import { type Aliases, aliasTargets, type ModelEntry, modelEntrySchema, queueSlug } from "@llamero/core";
import { findModel, type LiveWorker, type RouteBreaker, type Store } from "@llamero/store";
import { z } from "zod";
import { breakerView, modelStatusSchema, statusOf } from "./model-status.ts";

/** A model in OpenAI's form, with what else there is to know of it. */
export const modelSchema = modelEntrySchema
  .pick({
    context_length: true,
    capabilities: true,
    embedding_length: true,
    parameters: true,
    size_bytes: true,
    architecture: true,
    quantization: true,
    is_default: true,
    base: true,
    backend: true,
  })
  .extend({
    id: z.string(),
    object: z.literal("model"),
    created: z.int().meta({ description: "Unix seconds when a worker first served it." }),
    owned_by: z.literal("llamero"),
    alias_of: z.array(z.string()).nullable().meta({
      description:
        "The models that run what asks for it, the one with the largest part first; its facts are of that one. null: it is none.",
    }),
    ...modelStatusSchema.shape,
  })
  .meta({ id: "Model" });

export type ModelView = z.infer<typeof modelSchema>;

/** What models are seen with. */
export interface ModelsSeen {
  /** The default first. */
  entries: readonly ModelEntry[];
  live: readonly LiveWorker[];
  /** By queue. */
  breakers: ReadonlyMap<string, RouteBreaker>;
  aliases: Aliases;
}

/** Reads what models are seen with. @throws AppError `redis_unavailable` */
export async function readModels(
  store: Pick<Store, "catalogue" | "liveWorkers" | "breakers">,
  aliases: Aliases = {},
): Promise<ModelsSeen> {
  const [entries, live, breakers] = await Promise.all([store.catalogue(), store.liveWorkers(), store.breakers()]);
  return { entries, live, breakers, aliases };
}

/** All models, then all names that stand for one; a name that is both is an alias. */
export function allModels(seen: ModelsSeen): ModelView[] {
  const { entries, aliases } = seen;
  const served = new Set(entries.map(({ name }) => name));
  const names = new Set([...served, ...Object.keys(aliases)]);
  return [...names].filter((name) => served.has(aliasTargets(aliases, name)[0] ?? name)).map((name) => oneModel(seen, name));
}

/** A model or what stands for one, by its name. @throws AppError `model_not_found`, `no_models` */
export function oneModel(seen: ModelsSeen, name: string): ModelView {
  const { entries, aliases } = seen;
  const targets = aliasTargets(aliases, name);
  const [target] = targets;
  if (target === undefined) {
    const entry = findModel(entries, name);
    return modelView(entry, seen, entry === entries[0]);
  }
  return { ...modelView(findModel(entries, target, name), seen, false), id: name, alias_of: targets };
}

/** @param isDefault what jobs run that name no model */
function modelView(entry: ModelEntry, { live, breakers }: ModelsSeen, isDefault: boolean): ModelView {
  const { v: _v, name, slug, digest: _digest, max_token_bytes: _bytes, registered_at_ms, ...facts } = entry;
  return {
    id: name,
    object: "model",
    created: Math.floor(registered_at_ms / 1000),
    owned_by: "llamero",
    alias_of: null,
    ...facts,
    is_default: isDefault,
    ...statusOf(queueSlug(slug), live),
    breaker: breakerView(breakers.get(queueSlug(slug))),
  };
}

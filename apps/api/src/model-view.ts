import { type ModelEntry, modelEntrySchema, queueSlug } from "@llamero/core";
import type { LiveWorker } from "@llamero/store";
import { z } from "zod";
import { modelStatusSchema, statusOf } from "./model-status.ts";

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
  })
  .extend({
    id: z.string(),
    object: z.literal("model"),
    created: z.int().meta({ description: "Unix seconds when a worker first served it." }),
    owned_by: z.literal("llamero"),
    ...modelStatusSchema.shape,
  })
  .meta({ id: "Model" });

/** @param isDefault what jobs run that name no model */
export function modelView(entry: ModelEntry, live: readonly LiveWorker[], isDefault: boolean): z.infer<typeof modelSchema> {
  const { v: _v, name, slug, digest: _digest, max_token_bytes: _bytes, registered_at_ms, ...facts } = entry;
  return {
    id: name,
    object: "model",
    created: Math.floor(registered_at_ms / 1000),
    owned_by: "llamero",
    ...facts,
    is_default: isDefault,
    ...statusOf(queueSlug(slug), live),
  };
}

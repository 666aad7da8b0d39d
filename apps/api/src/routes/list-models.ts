import { modelEntrySchema, queueSlug } from "@llamero/core";
import { z } from "zod";
import { modelStatusSchema, statusOf } from "../model-status.ts";
import { route } from "../route.ts";

const modelSchema = modelEntrySchema
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

export const listModels = route({
  method: "get",
  path: "/v1/models",
  operationId: "listModels",
  summary: "List models",
  description: "Every model that a worker has served, also while none does; the default first.",
  tag: "models",
  responses: {
    200: {
      description: "The models.",
      schema: z.object({ object: z.literal("list"), data: z.array(modelSchema) }).meta({ id: "ModelList" }),
    },
  },
  handle: async (_call, { store }) => {
    const [entries, live] = await Promise.all([store.catalogue(), store.liveWorkers()]);
    const data = entries.map(
      ({ v: _v, name, slug, digest: _digest, max_token_bytes: _bytes, registered_at_ms, ...facts }, index) => ({
        id: name,
        object: "model",
        created: Math.floor(registered_at_ms / 1000),
        owned_by: "llamero",
        ...facts,
        is_default: index === 0,
        ...statusOf(queueSlug(slug), live),
      }),
    );
    return { status: 200, body: { object: "list", data } };
  },
});

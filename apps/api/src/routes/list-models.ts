import { z } from "zod";
import { allModels, modelSchema, readModels } from "../model-view.ts";
import { route } from "../route.ts";

export const listModels = route({
  method: "get",
  path: "/v1/models",
  operationId: "listModels",
  summary: "List models",
  description:
    "Every model that a worker has served, also while none does, the default first; then what stands for them (`aliases` in the settings).",
  tag: "models",
  responses: {
    200: {
      description: "The models.",
      schema: z.object({ object: z.literal("list"), data: z.array(modelSchema) }).meta({ id: "ModelList" }),
    },
  },
  handle: async (_call, { store, settings }) => {
    const data = allModels(await readModels(store, settings.current.aliases));
    return { status: 200, body: { object: "list", data } };
  },
});

import { z } from "zod";
import { modelSchema, modelView } from "../model-view.ts";
import { route } from "../route.ts";

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
    return { status: 200, body: { object: "list", data: entries.map((entry, index) => modelView(entry, live, index === 0)) } };
  },
});

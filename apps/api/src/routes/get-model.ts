import { findModel } from "@llamero/store";
import { modelSchema, modelView } from "../model-view.ts";
import { modelPath } from "../params.ts";
import { route } from "../route.ts";

export const getModel = route({
  method: "get",
  path: "/v1/models/{id}",
  operationId: "getModel",
  summary: "Read a model",
  tag: "models",
  request: { path: modelPath },
  responses: { 200: { description: "The model.", schema: modelSchema } },
  errors: [404],
  handle: async ({ path }, { store }) => {
    const [entries, live] = await Promise.all([store.catalogue(), store.liveWorkers()]);
    const entry = findModel(entries, path.id);
    return { status: 200, body: modelView(entry, live, entry === entries[0]) };
  },
});

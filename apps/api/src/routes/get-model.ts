import { modelSchema, oneModel, readModels } from "../model-view.ts";
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
  handle: async ({ path }, { store, settings }) => ({
    status: 200,
    body: oneModel(await readModels(store, settings.current.aliases), path.id),
  }),
});

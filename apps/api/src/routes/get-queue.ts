import { modelPath } from "../params.ts";
import { queueSchema, readQueueView } from "../queue-view.ts";
import { route } from "../route.ts";

export const getQueue = route({
  method: "get",
  path: "/v1/queues/{id}",
  operationId: "getQueue",
  summary: "Read a model's queue",
  tag: "models",
  scope: "read_all",
  request: { path: modelPath },
  responses: { 200: { description: "The queue that its jobs wait in.", schema: queueSchema } },
  errors: [404],
  handle: async ({ path }, { store }) => ({ status: 200, body: await readQueueView(store, path.id) }),
});

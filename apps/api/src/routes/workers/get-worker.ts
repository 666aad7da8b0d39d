import { workerPath } from "../../params.ts";
import { route } from "../../route.ts";
import { readWorker, workerSchema } from "../../worker-view.ts";

export const getWorker = route({
  method: "get",
  path: "/v1/workers/{id}",
  operationId: "getWorker",
  summary: "Read a live worker",
  tag: "workers",
  scope: "read_all",
  request: { path: workerPath },
  responses: { 200: { description: "The worker, as its last heartbeat has it.", schema: workerSchema } },
  errors: [404],
  handle: async ({ path }, { store }) => ({ status: 200, body: await readWorker(store, path.id) }),
});

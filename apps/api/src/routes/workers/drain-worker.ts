import { workerPath } from "../../params.ts";
import { route } from "../../route.ts";
import { tellWorker, workerSchema } from "../../worker-view.ts";

export const drainWorker = route({
  method: "post",
  path: "/v1/workers/{id}/drain",
  operationId: "drainWorker",
  summary: "Take no more jobs on a worker",
  description:
    "What it runs ends, what waits is left to others, and its models stay loaded. It lasts until `resume`, or until the worker ends.",
  tag: "workers",
  scope: "admin",
  request: { path: workerPath },
  responses: { 202: { description: "It has been told; its next heartbeat shows it.", schema: workerSchema } },
  errors: [404],
  handle: async ({ path: { id }, by }, { store }) => ({
    status: 202,
    body: await tellWorker(store, id, { drained: true }, { by, action: "worker.drain" }),
  }),
});

import { workerPath } from "../../params.ts";
import { route } from "../../route.ts";
import { tellWorker, workerSchema } from "../../worker-view.ts";

export const resumeWorker = route({
  method: "post",
  path: "/v1/workers/{id}/resume",
  operationId: "resumeWorker",
  summary: "Take jobs on a worker again",
  tag: "workers",
  scope: "admin",
  request: { path: workerPath },
  responses: { 202: { description: "It has been told; its next heartbeat shows it.", schema: workerSchema } },
  errors: [404],
  handle: async ({ path: { id }, by }, { store }) => ({
    status: 202,
    body: await tellWorker(store, id, { drained: false }, { by, action: "worker.resume" }),
  }),
});

import { z } from "zod";
import { workerPath } from "../../params.ts";
import { route } from "../../route.ts";
import { tellWorker, workerSchema } from "../../worker-view.ts";

const bodySchema = z
  .strictObject({
    models: z.array(z.string().min(1).max(4_096)).min(1).max(64).meta({
      description: "All that it is to serve, as `LLAMERO_MODELS` has it: GGUF files, folders, `hf:owner/repo:quant`, `name=…`.",
    }),
  })
  .meta({ id: "SetWorkerModels" });

export const setWorkerModels = route({
  method: "post",
  path: "/v1/workers/{id}/models",
  operationId: "setWorkerModels",
  summary: "Change what a worker serves, without a restart",
  description:
    "What is new is looked at first: where that goes wrong, nothing changes and `error` says why. Then what is not named any more ends its jobs " +
    "and leaves memory, and what is new is loaded. A model is replaced by another file under its name, `name=new.gguf`: its jobs wait " +
    "meanwhile, or run on other workers. It lasts until the worker ends.",
  tag: "workers",
  scope: "admin",
  request: { path: workerPath, body: bodySchema },
  responses: { 202: { description: "It has been told; its next heartbeats show how far it is.", schema: workerSchema } },
  errors: [404],
  handle: async ({ path: { id }, body: { models }, by }, { store }) => ({
    status: 202,
    body: await tellWorker(store, id, { models }, { by, action: "worker.models" }),
  }),
});

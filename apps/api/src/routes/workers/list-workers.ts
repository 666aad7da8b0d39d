import { z } from "zod";
import { route } from "../../route.ts";
import { readWorkers, workerSchema } from "../../worker-view.ts";

export const listWorkers = route({
  method: "get",
  path: "/v1/workers",
  operationId: "listWorkers",
  summary: "List live workers: where they run, what they have loaded, how fast they are",
  description: "A worker that has said nothing for ten seconds is not among them.",
  tag: "workers",
  scope: "read_all",
  responses: {
    200: {
      description: "The workers, the oldest first.",
      schema: z.object({ object: z.literal("list"), data: z.array(workerSchema) }).meta({ id: "WorkerList" }),
    },
  },
  handle: async (_call, { store }) => ({ status: 200, body: { object: "list", data: await readWorkers(store) } }),
});

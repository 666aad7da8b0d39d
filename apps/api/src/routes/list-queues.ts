import { z } from "zod";
import { queueSchema, readQueueViews } from "../queue-view.ts";
import { route } from "../route.ts";

export const listQueues = route({
  method: "get",
  path: "/v1/queues",
  operationId: "listQueues",
  summary: "List queues: how deep they are, and how fast they move",
  description: "One for each model; its variants share it. They tell of every owner's jobs.",
  tag: "models",
  scope: "read_all",
  responses: {
    200: {
      description: "The queues, the default model's first.",
      schema: z.object({ object: z.literal("list"), data: z.array(queueSchema) }).meta({ id: "QueueList" }),
    },
  },
  handle: async (_call, { store }) => ({ status: 200, body: { object: "list", data: await readQueueViews(store) } }),
});

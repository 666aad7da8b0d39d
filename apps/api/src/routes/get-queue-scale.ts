import { modelPath } from "../params.ts";
import { route } from "../route.ts";
import { readScale, scaleQuerySchema, scaleSchema } from "../scale-view.ts";

export const getQueueScale = route({
  method: "get",
  path: "/v1/queues/{id}/scale",
  operationId: "getQueueScale",
  summary: "Read how many workers a model's queue needs",
  description:
    "For what keeps coming, and for what waits to be done within the target. KEDA's `metrics-api` reads `desired_workers`, and `llamero autoscale` goes by the same.",
  tag: "models",
  scope: "read_all",
  request: { path: modelPath, query: scaleQuerySchema },
  responses: { 200: { description: "As the queue is now.", schema: scaleSchema } },
  errors: [404],
  handle: async ({ path, query }, { store }) => {
    const { target_seconds: targetSeconds, min, max } = query;
    return { status: 200, body: await readScale(store, path.id, { targetSeconds, min, max }) };
  },
});

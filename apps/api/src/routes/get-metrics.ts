import { z } from "zod";
import { route } from "../route.ts";

export const getMetrics = route({
  method: "get",
  path: "/metrics",
  operationId: "getMetrics",
  summary: "Metrics of the whole deployment and of this process, for Prometheus",
  description: "They tell of every owner's jobs. Workers and dispatchers have theirs at `LLAMERO_OPS_PORT`.",
  tag: "service",
  scope: "read_all",
  responses: {
    200: { description: "In Prometheus's text format.", contentType: "text/plain", schema: z.string() },
  },
  handle: async (_call, { metrics }) => ({
    status: 200,
    headers: { "content-type": metrics.contentType },
    body: null,
    text: await metrics.text(),
  }),
});

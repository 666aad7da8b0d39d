import { batchSchema, batchView } from "@llamero/openai";
import { findBatch } from "../../../batches/find-batch.ts";
import { batchPath } from "../../../params.ts";
import { route } from "../../../route.ts";

export const getBatch = route({
  method: "get",
  path: "/v1/batches/{id}",
  operationId: "getBatch",
  summary: "Get a batch",
  description: "`request_counts` are those of this moment.",
  tag: "openai",
  request: { path: batchPath },
  responses: { 200: { description: "The batch.", schema: batchSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => ({
    status: 200,
    body: batchView(await findBatch(services, { id: path.id, owner })),
  }),
});

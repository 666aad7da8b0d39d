import { batchSchema, batchView } from "@llamero/openai";
import { createBatch } from "../../../batches/create-batch.ts";
import { findBatch } from "../../../batches/find-batch.ts";
import { batchPath, idempotencyHeaders } from "../../../params.ts";
import { route } from "../../../route.ts";

export const retryBatch = route({
  method: "post",
  path: "/v1/batches/{id}/retry",
  operationId: "retryBatch",
  summary: "Run the failed lines of a batch again",
  description:
    "A new batch over the same file, once the old one has ended. Lines that have succeeded are taken over as they are: its output file has all of them.",
  tag: "openai",
  request: { path: batchPath, headers: idempotencyHeaders },
  responses: { 200: { description: "The new batch.", schema: batchSchema } },
  errors: [404, 409],
  handle: async (call, services) => {
    const { id, endpoint, inputFileId, windowSeconds, metadata, outputExpiresSeconds } = await findBatch(services, {
      id: call.path.id,
      owner: call.owner,
    });
    const wanted = { endpoint, inputFileId, windowSeconds, metadata, outputExpiresSeconds, reuse: id };
    return { status: 200, body: batchView(await createBatch(call, services, wanted)) };
  },
});

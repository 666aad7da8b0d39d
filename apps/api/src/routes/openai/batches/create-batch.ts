import { batchSchema, batchView, createBatchSchema } from "@llamero/openai";
import { createBatch } from "../../../batches/create-batch.ts";
import { idempotencyHeaders } from "../../../params.ts";
import { route } from "../../../route.ts";

export const createBatchRoute = route({
  method: "post",
  path: "/v1/batches",
  operationId: "createBatch",
  summary: "Run the requests of a file",
  description:
    "Every line of an uploaded file becomes jobs of class low, a bounded number at a time. The same `Idempotency-Key` with the same body gives the same batch.",
  tag: "openai",
  request: { headers: idempotencyHeaders, body: createBatchSchema },
  responses: { 200: { description: "The batch; it is checked next.", schema: batchSchema } },
  errors: [404, 409],
  handle: async (call, services) => {
    const { input_file_id, endpoint, completion_window, metadata, output_expires_after, reuse_batch_id } = call.body;
    const batch = await createBatch(call, services, {
      endpoint,
      inputFileId: input_file_id,
      windowSeconds: completion_window,
      metadata: metadata ?? {},
      outputExpiresSeconds: output_expires_after?.seconds ?? null,
      reuse: reuse_batch_id ?? null,
    });
    return { status: 200, body: batchView(batch) };
  },
});

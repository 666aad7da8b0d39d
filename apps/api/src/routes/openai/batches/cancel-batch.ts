import { AppError } from "@llamero/core";
import { batchSchema, batchView } from "@llamero/openai";
import { findBatch } from "../../../batches/find-batch.ts";
import { batchPath } from "../../../params.ts";
import { route } from "../../../route.ts";

export const cancelBatch = route({
  method: "post",
  path: "/v1/batches/{id}/cancel",
  operationId: "cancelBatch",
  summary: "Cancel a batch",
  description: "Lines that are done stay in its output file; the others go to its error file. It is `cancelled` within seconds.",
  tag: "openai",
  request: { path: batchPath },
  responses: { 200: { description: "The batch, which is being cancelled.", schema: batchSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { id, status } = await findBatch(services, { id: path.id, owner });
    if ((await services.store.batches.cancel({ id, owner })) === "ended" && status !== "cancelled")
      throw new AppError("invalid_request", `Batch ${id} cannot be cancelled: it is ${status}.`);
    return { status: 200, body: batchView(await findBatch(services, { id, owner })) };
  },
});

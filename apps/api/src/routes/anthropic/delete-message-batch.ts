import { AppError } from "@llamero/core";
import { z } from "zod";
import { findMessageBatch } from "../../anthropic/find-message-batch.ts";
import { messageBatchPath } from "../../params.ts";
import { route } from "../../route.ts";

const deletedSchema = z.object({ id: z.string(), type: z.literal("message_batch_deleted") }).meta({ id: "DeletedMessageBatch" });

export const deleteMessageBatch = route({
  method: "delete",
  path: "/v1/messages/batches/{id}",
  operationId: "deleteMessageBatch",
  summary: "Delete a message batch that has ended",
  description: "With its requests and its results.",
  tag: "anthropic",
  dialect: "anthropic",
  request: { path: messageBatchPath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404, 409],
  handle: async ({ path, owner }, services) => {
    const { id } = await findMessageBatch(services, { id: path.id, owner });
    if ((await services.store.batches.remove({ id, owner })) === "not_ended")
      throw new AppError("batch_not_ended", `${path.id} has not ended; cancel it, or wait for its end.`);
    return { status: 200, body: { id: path.id, type: "message_batch_deleted" } };
  },
});

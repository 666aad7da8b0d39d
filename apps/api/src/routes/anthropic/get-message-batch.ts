import { messageBatchSchema, messageBatchView } from "@llamero/anthropic";
import { findMessageBatch } from "../../anthropic/find-message-batch.ts";
import { originOf } from "../../origin.ts";
import { messageBatchPath } from "../../params.ts";
import { route } from "../../route.ts";

export const getMessageBatch = route({
  method: "get",
  path: "/v1/messages/batches/{id}",
  operationId: "getMessageBatch",
  summary: "Get a message batch",
  tag: "anthropic",
  dialect: "anthropic",
  request: { path: messageBatchPath },
  responses: { 200: { description: "The message batch.", schema: messageBatchSchema } },
  errors: [404],
  handle: async (call, services) => {
    const batch = await findMessageBatch(services, { id: call.path.id, owner: call.owner });
    return { status: 200, body: messageBatchView(batch, originOf(call)) };
  },
});

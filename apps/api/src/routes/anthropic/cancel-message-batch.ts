import { messageBatchSchema, messageBatchView } from "@llamero/anthropic";
import { findMessageBatch } from "../../anthropic/find-message-batch.ts";
import { originOf } from "../../origin.ts";
import { messageBatchPath } from "../../params.ts";
import { route } from "../../route.ts";

export const cancelMessageBatch = route({
  method: "post",
  path: "/v1/messages/batches/{id}/cancel",
  operationId: "cancelMessageBatch",
  summary: "Cancel a message batch",
  description: "Results that are there stay. It has ended within seconds; one that has ended stays as it is.",
  tag: "anthropic",
  dialect: "anthropic",
  request: { path: messageBatchPath },
  responses: { 200: { description: "The message batch.", schema: messageBatchSchema } },
  errors: [404],
  handle: async (call, services) => {
    const { owner } = call;
    const { id } = await findMessageBatch(services, { id: call.path.id, owner });
    await services.store.batches.cancel({ id, owner });
    const batch = await findMessageBatch(services, { id: call.path.id, owner });
    return { status: 200, body: messageBatchView(batch, originOf(call)) };
  },
});

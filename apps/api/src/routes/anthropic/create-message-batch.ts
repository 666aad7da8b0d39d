import {
  createMessageBatchSchema,
  MESSAGE_BATCH_WINDOW_SECONDS,
  MESSAGES_PATH,
  messageBatchSchema,
  messageBatchView,
} from "@llamero/anthropic";
import { readRequests } from "../../anthropic/read-requests.ts";
import { createBatch } from "../../batches/create-batch.ts";
import { writeObject } from "../../files/write-object.ts";
import { originOf } from "../../origin.ts";
import { idempotencyHeaders } from "../../params.ts";
import { route } from "../../route.ts";

export const createMessageBatch = route({
  method: "post",
  path: "/v1/messages/batches",
  operationId: "createMessageBatch",
  summary: "Run many messages, in Anthropic's form",
  description:
    "Read as it arrives, of any size up to `LLAMERO_MAX_FILE_BYTES`. Each request is checked before any runs; one that cannot run is named, and nothing is made. The same `Idempotency-Key` with the same requests gives the same batch.",
  tag: "anthropic",
  dialect: "anthropic",
  request: {
    headers: idempotencyHeaders,
    upload: { schema: createMessageBatchSchema, contentType: "application/json" },
  },
  responses: { 200: { description: "The message batch.", schema: messageBatchSchema } },
  errors: [404, 409],
  handle: async (call, services) => {
    const { owner } = call;
    services.memory.requireRoom();
    const file = await writeObject(services, readRequests(call, services));
    const facts = { filename: "requests.jsonl", purpose: "message_batch", expiresSeconds: null };
    await services.store.files.create({ ...file, ...facts, owner });
    const batch = await createBatch(
      call,
      services,
      {
        ...{
          endpoint: MESSAGES_PATH,
          inputFileId: file.id,
          inputPurpose: facts.purpose,
          windowSeconds: MESSAGE_BATCH_WINDOW_SECONDS,
        },
        ...{ metadata: {}, outputExpiresSeconds: null, reuse: null },
      },
      file.digest,
    );
    // The same call made it before, over a file of its own.
    if (batch.inputFileId !== file.id) await services.store.files.remove({ id: file.id, owner });
    return { status: 200, body: messageBatchView(batch, originOf(call)) };
  },
});

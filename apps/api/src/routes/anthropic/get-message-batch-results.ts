import { AppError } from "@llamero/core";
import { z } from "zod";
import { findMessageBatch } from "../../anthropic/find-message-batch.ts";
import { DOWNLOAD_STALL_MS, fileContent } from "../../files/file-content.ts";
import { findFile } from "../../files/find-file.ts";
import { messageBatchPath } from "../../params.ts";
import { route } from "../../route.ts";

const LINES = "application/x-jsonl";

export const getMessageBatchResults = route({
  method: "get",
  path: "/v1/messages/batches/{id}/results",
  operationId: "getMessageBatchResults",
  summary: "Read the results of a message batch",
  description: "A line for each request that has ended, in their order; those that have ended so far while it runs.",
  tag: "anthropic",
  dialect: "anthropic",
  request: { path: messageBatchPath },
  responses: { 200: { description: "The results.", schema: z.string(), contentType: LINES } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { outputFileId } = await findMessageBatch(services, { id: path.id, owner });
    if (outputFileId === null) throw new AppError("file_not_found", `${path.id} has no results yet.`, { param: "id" });
    const { body, bytes } = await fileContent(services, await findFile(services, { id: outputFileId, owner }));
    const headers = { "content-type": LINES, "content-length": String(bytes) };
    return { status: 200, body, headers, stallMs: DOWNLOAD_STALL_MS };
  },
});

import { fileSchema } from "@llamero/openai";
import { uploadFile, uploadFormSchema } from "../../../files/upload-file.ts";
import { idempotencyHeaders } from "../../../params.ts";
import { route } from "../../../route.ts";

export const createFile = route({
  method: "post",
  path: "/v1/files",
  operationId: "createFile",
  summary: "Upload a file",
  description: "As a form, streamed to the storage. The same `Idempotency-Key` with the same file gives the same file.",
  tag: "openai",
  request: {
    headers: idempotencyHeaders,
    upload: { schema: uploadFormSchema, contentType: "multipart/form-data" },
  },
  responses: { 200: { description: "The file.", schema: fileSchema } },
  errors: [409],
  handle: async (call, services) => ({ status: 200, body: await uploadFile(call, services) }),
});

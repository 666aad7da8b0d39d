import { fileSchema, fileView } from "@llamero/openai";
import { findFile } from "../../../files/find-file.ts";
import { filePath } from "../../../params.ts";
import { route } from "../../../route.ts";

export const getFile = route({
  method: "get",
  path: "/v1/files/{id}",
  operationId: "getFile",
  summary: "Get a file, without its content",
  tag: "openai",
  request: { path: filePath },
  responses: { 200: { description: "The file.", schema: fileSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => ({
    status: 200,
    body: fileView(await findFile(services, { id: path.id, owner })),
  }),
});

import { z } from "zod";
import { DOWNLOAD_STALL_MS, fileContent } from "../../../files/file-content.ts";
import { findFile } from "../../../files/find-file.ts";
import { filePath } from "../../../params.ts";
import { route } from "../../../route.ts";

const BYTES = "application/octet-stream";

export const getFileContent = route({
  method: "get",
  path: "/v1/files/{id}/content",
  operationId: "getFileContent",
  summary: "Read a file",
  description: "Its bytes. A file that a batch is writing has the lines that are done so far.",
  tag: "openai",
  request: { path: filePath },
  responses: { 200: { description: "The content.", schema: z.string().meta({ format: "binary" }), contentType: BYTES } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const file = await findFile(services, { id: path.id, owner });
    const { body, bytes } = await fileContent(services, file);
    const name = encodeURIComponent(file.filename.toWellFormed());
    const headers = {
      "content-type": BYTES,
      "content-length": String(bytes),
      "content-disposition": `attachment; filename*=UTF-8''${name}`,
    };
    return { status: 200, body, headers, stallMs: DOWNLOAD_STALL_MS };
  },
});

import { AppError } from "@llamero/core";
import { z } from "zod";
import { findFile } from "../../../files/find-file.ts";
import { filePath } from "../../../params.ts";
import { route } from "../../../route.ts";

const deletedSchema = z
  .object({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) })
  .meta({ id: "DeletedFile" });

export const deleteFile = route({
  method: "delete",
  path: "/v1/files/{id}",
  operationId: "deleteFile",
  summary: "Delete a file",
  tag: "openai",
  request: { path: filePath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404, 409],
  handle: async ({ path, owner }, services) => {
    const { id } = await findFile(services, { id: path.id, owner });
    if ((await services.store.files.remove({ id, owner })) === "in_use")
      throw new AppError("file_in_use", `File ${id} is needed by a batch that has not ended. Cancel it, or wait for its end.`);
    return { status: 200, body: { id, object: "file", deleted: true } };
  },
});

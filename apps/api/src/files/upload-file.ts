import { AppError, validate } from "@llamero/core";
import { expirySeconds, type FileView, filePurposes, fileView } from "@llamero/openai";
import { z } from "zod";
import { idempotencyConflict, idempotencyKey, idempotencyOf } from "../idempotency.ts";
import type { Call, Services } from "../route.ts";
import { findFile } from "./find-file.ts";
import { type FormFile, receiveForm } from "./receive-form.ts";
import { type WrittenObject, writeObject } from "./write-object.ts";

const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, "must be a whole number of seconds")
  .transform(Number);

/** The fields of the form, besides the file. */
const fieldsSchema = z.strictObject({
  purpose: z.enum(filePurposes),
  "expires_after[anchor]": z.literal("created_at").optional(),
  "expires_after[seconds]": wholeNumber.pipe(expirySeconds).optional(),
});

/** The form as the document shows it. */
export const uploadFormSchema = z
  .object({
    file: z.string().meta({ format: "binary", description: "The file's bytes." }),
    purpose: z.enum(filePurposes).meta({ description: "`batch`: a request a line, for batches." }),
    expires_after: z
      .object({ anchor: z.literal("created_at"), seconds: expirySeconds })
      .optional()
      .meta({ description: "How long it is kept. Default: until it is deleted. Written `expires_after[seconds]=3600`." }),
  })
  .meta({ id: "UploadFile" });

interface Uploaded extends WrittenObject {
  filename: string;
}

const MOST_NAME_CHARS = 255;

/**
 * Takes a file in: its object is written while it arrives, then it is there. What breaks off leaves nothing that is not removed.
 * @throws AppError as `receiveForm`, and `storage_unavailable`, `storage_full`, `idempotency_conflict`
 */
export async function uploadFile(
  { owner, headers, stream }: Pick<Call<unknown, unknown, unknown>, "owner" | "headers" | "stream">,
  services: Services,
): Promise<FileView> {
  const { store, memory, maxFileBytes } = services;
  memory.requireRoom();
  // A key that is none is told before the file is read.
  idempotencyKey(headers);
  const write = async ({ filename, content }: FormFile): Promise<Uploaded> => ({
    ...(await writeObject(services, content)),
    filename: filename.slice(-MOST_NAME_CHARS) || "file",
  });
  const source = { body: stream, headers };
  const { fields, file } = await receiveForm(source, { maxBytes: maxFileBytes, fileField: "file", onFile: write });
  const { purpose, "expires_after[seconds]": seconds, "expires_after[anchor]": anchor } = validate(fieldsSchema, fields);
  if ((seconds === undefined) !== (anchor === undefined)) {
    const text = "Give expires_after with both anchor, which is created_at, and seconds.";
    throw new AppError("invalid_request", text, { param: "expires_after" });
  }
  const created = await store.files.create({
    ...{ ...file, owner, purpose },
    expiresSeconds: seconds ?? null,
    idempotency: idempotencyOf(headers, { digest: file.digest, filename: file.filename, purpose, seconds }),
  });
  if (created.outcome === "conflict") throw idempotencyConflict(`file ${created.id}`);
  return fileView(await findFile(services, { id: created.outcome === "created" ? file.id : created.id, owner }));
}

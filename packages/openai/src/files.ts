import { z } from "zod";

/** What a file may be uploaded for. */
export const filePurposes = ["batch", "user_data"] as const;

/** How long files can be told to be kept, in seconds: an hour to thirty days, as at OpenAI. */
export const expirySeconds = z.int().min(3_600).max(2_592_000);

/** A file as OpenAI's clients know it. */
export const fileSchema = z
  .object({
    id: z.string().meta({ example: "file_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    object: z.literal("file"),
    bytes: z.int().nonnegative(),
    created_at: z.int(),
    expires_at: z.int().optional(),
    filename: z.string(),
    purpose: z.string().meta({ description: "`batch`, `user_data`, or `batch_output` for what a batch has written." }),
    status: z.literal("processed"),
  })
  .meta({ id: "File" });
export type FileView = z.infer<typeof fileSchema>;

/** What is shown of a stored file. */
export interface FileFacts {
  id: string;
  bytes: number;
  createdMs: number;
  expiresMs: number | null;
  filename: string;
  purpose: string;
}

export const toSeconds = (ms: number): number => Math.floor(ms / 1_000);

export function fileView({ id, bytes, createdMs, expiresMs, filename, purpose }: FileFacts): FileView {
  return {
    id,
    object: "file",
    bytes,
    created_at: toSeconds(createdMs),
    ...(expiresMs === null ? {} : { expires_at: toSeconds(expiresMs) }),
    filename,
    purpose,
    status: "processed",
  };
}

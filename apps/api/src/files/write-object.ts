import { createHash, type Hash } from "node:crypto";
import { uploadName } from "@llamero/store";
import type { Services } from "../route.ts";

/** The content of a file that has no record yet. */
export interface WrittenObject {
  /** Of the file that it is to be. */
  id: string;
  bytes: number;
  /** SHA-256, in hex. */
  digest: string;
}

async function* hashed(content: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const part of content) {
    hash.update(part);
    yield part;
  }
}

/**
 * Writes the content of a file while it arrives. Without a record it is removed after a day.
 * @throws AppError `storage_unavailable`, `storage_full`, and what the content throws
 */
export async function writeObject(
  { store, storage, newFileId }: Pick<Services, "store" | "storage" | "newFileId">,
  content: AsyncIterable<Uint8Array>,
): Promise<WrittenObject> {
  const id = newFileId();
  await store.files.beginUpload(id, await store.now());
  const hash = createHash("sha256");
  const bytes = await storage.write(uploadName(id), hashed(content, hash));
  return { id, bytes, digest: hash.digest("hex") };
}

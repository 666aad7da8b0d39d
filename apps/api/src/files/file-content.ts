import type { StoredFile } from "@llamero/store";
import type { Services } from "../route.ts";

/** A client that takes nothing of a file for so long is cut off, in milliseconds. */
export const DOWNLOAD_STALL_MS = 60_000;

export interface FileContent {
  body: ReadableStream<Uint8Array>;
  bytes: number;
}

/** The content of a file as it is now, its parts one after another. @throws AppError `storage_object_missing`, `storage_unavailable` */
export async function fileContent(
  { store, storage }: Pick<Services, "store" | "storage">,
  file: StoredFile,
): Promise<FileContent> {
  const objects = await store.files.objectsOf(file);
  async function* source() {
    for (const { name } of objects) yield* storage.read(name);
  }
  const parts = source();
  // What cannot be read is found out while it can still be said.
  const first = await parts.next();
  async function* whole() {
    if (first.done) return;
    yield first.value;
    yield* parts;
  }
  return { body: ReadableStream.from(whole()), bytes: objects.reduce((sum, object) => sum + object.bytes, 0) };
}

import { folderStorage } from "./folder-storage.ts";
import { s3Storage } from "./s3-storage.ts";
import type { Storage } from "./storage.ts";

/** @param location `s3://bucket/folder`, or a folder of this machine */
export async function openStorage(location: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<Storage> {
  return location.startsWith("s3://") ? s3Storage(location, env) : folderStorage(location);
}

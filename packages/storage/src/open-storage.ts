import { join } from "node:path";
import { folderStorage } from "./folder-storage.ts";
import { s3Storage } from "./s3-storage.ts";
import type { Storage } from "./storage.ts";

export interface StorageSettings {
  /** `s3://bucket/folder`, or a folder of this machine. Default: `files` in the data folder. */
  LLAMERO_STORAGE?: string | undefined;
  DATA_DIR: string;
}

/** @param env has what the AWS SDK goes by */
export async function openStorage(
  { LLAMERO_STORAGE, DATA_DIR }: StorageSettings,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Storage> {
  const location = LLAMERO_STORAGE ?? join(DATA_DIR, "files");
  return location.startsWith("s3://") ? s3Storage(location, env) : folderStorage(location);
}

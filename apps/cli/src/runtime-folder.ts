import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, lstat, mkdir, realpath, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { AppError } from "@llamero/core";

/** Where one data folder's sockets lie while it is in use; short, because socket addresses end at about 100 bytes. */
export interface RuntimeFolder {
  readonly path: string;
  readonly lockSocket: string;
  readonly redisSocket: string;
}

export function runtimeFolderAt(path: string): RuntimeFolder {
  return { path, lockSocket: join(path, "lock.sock"), redisSocket: join(path, "redis.sock") };
}

/**
 * Makes the runtime folder of a data folder, for this user alone.
 *
 * @throws AppError `config_invalid` when somebody else has put something in its place.
 */
export async function openRuntimeFolder(dataDir: string): Promise<RuntimeFolder> {
  const { uid } = userInfo();
  const hash = createHash("sha256")
    .update(await realpath(dataDir))
    .digest("hex")
    .slice(0, 12);
  const path = join(tmpdir(), `llamero-${uid}-${hash}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new AppError("config_invalid", `${path} belongs to somebody else. Remove it, or set TMPDIR to a folder of your own.`);
  }
  await chmod(path, 0o700);
  return runtimeFolderAt(path);
}

/** The runtime folder that the data folder was last used with: another one when TMPDIR has changed since; null when unknown. */
export function lastRuntimeFolder(dataDir: string): RuntimeFolder | null {
  try {
    return runtimeFolderAt(readFileSync(notePath(dataDir), "utf8").trim());
  } catch {
    return null;
  }
}

export async function noteRuntimeFolder(dataDir: string, { path }: RuntimeFolder): Promise<void> {
  await writeFile(notePath(dataDir), `${path}\n`);
}

function notePath(dataDir: string): string {
  return join(dataDir, "runtime-folder");
}

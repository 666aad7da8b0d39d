import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AppError } from "@llamero/core";
import { acquireLock, lockHolder } from "./instance-lock.ts";
import { lastRuntimeFolder, noteRuntimeFolder, openRuntimeFolder, type RuntimeFolder } from "./runtime-folder.ts";

/** A data folder that this process alone uses. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  readonly runtime: RuntimeFolder;
  /** Runtime folders that may hold what a killed instance left behind. */
  readonly formerRuntimes: readonly RuntimeFolder[];
  release(): Promise<void>;
}

/**
 * Makes the data folder if need be and takes it for this process.
 *
 * @throws AppError `data_dir_in_use`, or `config_invalid` when it cannot be written.
 */
export async function openDataFolder(dataDir: string): Promise<DataFolder> {
  const path = resolve(dataDir);
  await requireWritable(path);
  const runtime = await openRuntimeFolder(path);
  const last = lastRuntimeFolder(path);
  const former = last === null || last.path === runtime.path ? [] : [last];
  for (const { lockSocket } of former) refuseHolder(path, await lockHolder(lockSocket));
  const lock = await acquireLock(runtime.lockSocket);
  if (!("release" in lock)) throw inUse(path, lock.pid);
  await noteRuntimeFolder(path, runtime);
  const release = async () => {
    // In this order, and the folder only when it is empty: from the release on, another process may be using it.
    await rm(runtime.redisSocket, { force: true });
    await lock.release();
    await rmdir(runtime.path).catch(() => {});
  };
  return { path, runtime, formerRuntimes: [runtime, ...former], release };
}

function refuseHolder(path: string, holder: { pid: number } | null): void {
  if (holder !== null) throw inUse(path, holder.pid);
}

function inUse(path: string, pid: number): AppError {
  const message = [
    `Llamero already runs on the data folder ${path} (process ${pid}).`,
    "Stop that one, or give this one a folder and a port of its own: DATA_DIR=.data-2 PORT=3001 npm start",
  ];
  return new AppError("data_dir_in_use", message.join("\n"));
}

async function requireWritable(path: string): Promise<void> {
  const probe = join(path, ".write-probe");
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await writeFile(probe, "x");
    await rm(probe, { force: true });
  } catch (error) {
    throw new AppError("config_invalid", `The data folder ${path} ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  const elsewhere = "or choose another: DATA_DIR=/path/to/folder npm start";
  if (code === "ENOSPC" || code === "EDQUOT") return `is on a disk that is full. Free some space, ${elsewhere}`;
  if (code === "ENOTDIR" || code === "EEXIST") return `is not a folder. Remove what is in its place, ${elsewhere}`;
  return `cannot be written (${code}). Change its permissions, ${elsewhere}`;
}

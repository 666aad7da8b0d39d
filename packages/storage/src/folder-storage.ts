import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "@llamero/core";
import { full, missing, unavailable } from "./errors.ts";
import { checkName, type Storage } from "./storage.ts";

/** Where objects lie until they are whole; no name of an object begins so. */
const UNFINISHED = ".unfinished";
/** What has lain there for longer is of a process that died, in milliseconds: no upload takes so long. */
const STALE_MS = 86_400_000;

const codeOf = (error: unknown) => (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined);

function wrap(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === "ENOENT") return missing(error);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return full(error);
  return code === undefined ? error : unavailable(error);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

async function fill(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const part of source) {
    await file.writeFile(part);
    size += part.byteLength;
  }
  await file.sync();
  return size;
}

/** Removes what processes that died have left unfinished. */
async function removeStale(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

/** Objects as files of a folder, which all processes that use them have to see. */
export function folderStorage(root: string): Storage {
  const pathOf = (name: string) => join(root, checkName(name));
  const unfinished = join(root, UNFINISHED);
  let ready: Promise<void> | null = null;
  const prepare = async () => {
    await mkdir(unfinished, { recursive: true });
    await removeStale(unfinished, Date.now());
  };
  const write: Storage["write"] = async (name, source) => {
    const path = pathOf(name);
    ready ??= prepare();
    await ready.catch((error: unknown) => {
      ready = null;
      throw error;
    });
    const temporary = join(unfinished, randomUUID());
    const file = await open(temporary, "wx");
    try {
      const size = await fill(file, source).finally(() => file.close());
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
      await syncFolder(dirname(path));
      return size;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  };
  return {
    write: async (name, source) => {
      try {
        return await write(name, source);
      } catch (error) {
        throw wrap(error);
      }
    },
    async *read(name, range) {
      if (range !== undefined && range.end <= range.start) return;
      // The stream's last byte is in it.
      const bounds = range === undefined ? {} : { start: range.start, end: range.end - 1 };
      try {
        yield* createReadStream(pathOf(name), { ...bounds, highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw wrap(error);
      }
    },
    remove: async (names) => {
      try {
        for (const name of names) await rm(pathOf(name), { force: true });
        for (const folder of new Set(names.map((name) => dirname(pathOf(name))))) await removeEmpty(folder, root);
      } catch (error) {
        throw wrap(error);
      }
    },
    close: () => {},
  };
}

/** Removes a folder that has nothing left in it, but not the root. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  if (folder === root || dirname(folder) === root) return;
  const left = await readdir(folder).catch(() => null);
  if (left?.length !== 0) return;
  // Somebody may have put something in since: then it stays.
  await rm(folder, { recursive: false, force: true }).catch(() => {});
}

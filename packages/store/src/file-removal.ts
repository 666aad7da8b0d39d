import type { Redis } from "ioredis";
import { type BatchPart, partsOf, uploadName } from "./files.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

/** An upload that has no record after so long is of a process that died, in milliseconds. */
const ABANDONED_MS = 86_400_000;

/** What is to go, and what is left of it in the storage. */
export function createFileRemoval(redis: Redis, keys: Keys, run: RunScript) {
  return {
    /** One bounded pass over what has expired. @returns how many things there were */
    async sweep({ retentionMs, limit }: { retentionMs: number; limit: number }): Promise<number> {
      return Number(await run("sweep-files", [ABANDONED_MS, retentionMs, limit]));
    },
    /** Files that are gone, with the objects that are left of them. */
    removals: (limit: number): Promise<{ id: string; objects: string[] }[]> =>
      guarded(async () => {
        // What is removed leaves the hash, so that its beginning is what is left.
        const [, flat] = await redis.hscan(keys.removals, 0, "COUNT", limit);
        const entries = Array.from({ length: Math.min(flat.length / 2, limit) }, (_, at) => flat.slice(at * 2, at * 2 + 2));
        return Promise.all(
          entries.map(async ([id = "", of = ""]) => {
            const [batchId, part] = of.split(" ");
            if (batchId === undefined || part === undefined) return { id, objects: [uploadName(id)] };
            const objects = await partsOf(redis, keys, id, { batchId, part: part as BatchPart });
            return { id, objects: objects.map(({ name }) => name) };
          }),
        );
      }),
    /** The objects of a file that is gone have been removed. */
    removed: (id: string): Promise<void> =>
      guarded(async () => {
        await redis.multi().del(keys.fileParts(id)).hdel(keys.removals, id).exec();
      }),
  };
}

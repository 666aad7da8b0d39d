import type { Logger } from "@llamero/process";
import type { Storage } from "@llamero/storage";
import type { Store } from "@llamero/store";
import { type Loop, startLoop } from "./repeat.ts";

/** How late an expired file may be noticed, in milliseconds, and how long the objects of one that was deleted may lie there. */
const SWEEP_EVERY_MS = 5_000;
const SWEEP_LIMIT = 100;

export interface FileSweeperOptions {
  store: Store;
  storage: Storage;
  /** How long batches are kept after they have ended, at least, asked at each pass. */
  retentionMs: () => number;
  logger: Logger;
}

/** Removes the objects of files that are gone. Several may do so beside each other. */
async function removeObjects({ store, storage }: FileSweeperOptions): Promise<number> {
  const removals = await store.files.removals(SWEEP_LIMIT);
  for (const { id, objects } of removals) {
    await storage.remove(objects);
    await store.files.removed(id);
  }
  return removals.length;
}

/** Starts the loop that ends files whose time is over, and frees the storage of what is gone. */
export function startFileSweeper(options: FileSweeperOptions): Loop {
  const { store, retentionMs, logger } = options;
  return startLoop({
    pauseMs: SWEEP_EVERY_MS,
    pass: async (signal) => {
      for (let found = SWEEP_LIMIT; found >= SWEEP_LIMIT && !signal.aborted; ) {
        const swept = await store.files.sweep({ retentionMs: retentionMs(), limit: SWEEP_LIMIT });
        found = Math.max(swept, await removeObjects(options));
      }
    },
    onError: (error) => logger.warn({ err: error }, "files not swept; the next pass follows"),
  });
}

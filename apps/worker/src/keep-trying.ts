import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "@llamero/core";

/** Between two tries, in milliseconds. */
const RETRY_MS = 500;

/**
 * Makes a write until Redis takes it: one that is full, or whose disk is, refuses what a connection that waits for Redis to come
 * back does not wait for.
 * @param enough when it aborts, the write is tried once more
 * @throws whatever is not the lack of room, and that too after the last try
 */
export async function keepTrying<T>(write: () => Promise<T>, enough: AbortSignal): Promise<T> {
  for (;;) {
    const isLast = enough.aborted;
    try {
      return await write();
    } catch (error) {
      if (isLast || !(error instanceof AppError) || error.kind !== "capacity") throw error;
      // Only the signal can end the pause early.
      await pause(RETRY_MS, undefined, { signal: enough }).catch(() => {});
    }
  }
}

import { setImmediate as turn } from "node:timers/promises";

/**
 * Makes the reads that are asked for in one turn of the event loop under one key a single one. It begins when all have
 * asked, so nobody gets what is older than the question: a hint that wakes a thousand waiters costs one read.
 */
export function shareReads<Args extends unknown[], T>(
  keyOf: (...args: Args) => string,
  read: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const coming = new Map<string, Promise<T>>();
  return (...args) => {
    const key = keyOf(...args);
    const shared =
      coming.get(key) ??
      turn().then(() => {
        coming.delete(key);
        return read(...args);
      });
    coming.set(key, shared);
    return shared;
  };
}

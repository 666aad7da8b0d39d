import type { Resolve } from "./resolve.ts";

/**
 * Asks for a name once at a time, however many want to know it: a lookup that hangs holds a thread, and one name is to hold no more
 * than one. Nothing is remembered: who comes after an answer asks anew.
 */
export function shareLookups(resolve: Resolve): Resolve {
  const underWay = new Map<string, Promise<readonly string[]>>();
  return (hostname) => {
    const shared = underWay.get(hostname) ?? resolve(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, shared);
    return shared;
  };
}

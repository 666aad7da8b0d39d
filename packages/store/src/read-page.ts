import type { Redis } from "ioredis";
import { readIndexes } from "./read-indexes.ts";

export interface Page<T> {
  found: T[];
  hasMore: boolean;
}

/** The first of a row of things, and whether there is another. */
export async function pageOf<T>(things: AsyncIterable<T>, limit: number): Promise<Page<T>> {
  const found: T[] = [];
  for await (const thing of things) {
    if (found.length === limit) return { found, hasMore: true };
    found.push(thing);
  }
  return { found, hasMore: false };
}

export interface PageQuery<T> {
  indexes: readonly string[];
  order: "desc" | "asc";
  /** The id after which the page starts; undefined: at the beginning. */
  after: string | undefined;
  limit: number;
  /** What ids name, each in its place; null for what is gone by now. */
  read: (ids: readonly string[]) => Promise<readonly (T | null)[]>;
  /** Asked of what was read, since an index may name more than what is wanted. */
  fits?: (thing: T) => boolean;
}

/** A page of what indexes name. */
export async function readPage<T>(redis: Redis, query: PageQuery<T>): Promise<Page<T>> {
  return pageOf(through(redis, query), query.limit);
}

async function* through<T>(redis: Redis, query: PageQuery<T>): AsyncGenerator<T> {
  const { indexes, order, limit, read, fits = () => true } = query;
  for (let after = query.after; ; ) {
    const ids = await readIndexes(redis, indexes, order, after, limit + 1);
    for (const thing of await read(ids)) if (thing !== null && fits(thing)) yield thing;
    after = ids.at(-1);
    if (ids.length <= limit) return;
  }
}

import type { Redis } from "ioredis";

/**
 * The next ids over several indexes. Ids sort by time, so an index is read by id range and a cursor is an id: no page is
 * ever skipped or repeated. All are read in one step, since an entry may move from one to another.
 */
export async function readIndexes(
  redis: Redis,
  indexes: readonly string[],
  order: "desc" | "asc",
  after: string | undefined,
  count: number,
): Promise<string[]> {
  const transaction = redis.multi();
  const isNewestFirst = order === "desc";
  for (const index of indexes) {
    if (isNewestFirst) transaction.zrange(index, after === undefined ? "+" : `(${after}`, "-", "BYLEX", "REV", "LIMIT", 0, count);
    else transaction.zrange(index, after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, count);
  }
  const replies = (await transaction.exec()) ?? [];
  const ids = replies.flatMap(([error, range]) => {
    if (error !== null) throw error;
    return range as string[];
  });
  ids.sort();
  return (isNewestFirst ? ids.reverse() : ids).slice(0, count);
}

import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import type { JobRecord } from "./record.ts";

/** With more waiting groups than this the place in line costs more than it tells, and is not given. */
const MAX_GROUPS = 256;

/**
 * The place of a waiting job among all owners' jobs for its model, 1 = next; null when it does not wait.
 * A job that has been fed stands in the window, before everything in the backlog.
 */
export async function position(redis: Redis, keys: Keys, record: JobRecord): Promise<number | null> {
  if (record.status !== "queued") return null;
  const { slug, id } = record;
  const [fedAt, groups] = await Promise.all([
    redis.zscore(keys.window(slug), id),
    redis.zrange(keys.groups(slug), 0, String(MAX_GROUPS)),
  ]);
  if (fedAt !== null) return 1 + (await redis.zcount(keys.window(slug), "-inf", `(${fedAt}`));
  if (groups.length > MAX_GROUPS) return null;
  const ranks = await Promise.all(groups.map((group) => redis.zscore(keys.backlog(slug, group), id)));
  const ready = ranks.find((score) => score !== null);
  if (ready === undefined || ready === null) return null;
  const [inWindow, ...ahead] = await Promise.all([
    redis.zcard(keys.window(slug)),
    ...groups.map((group) => redis.zcount(keys.backlog(slug, group), "-inf", `(${ready}`)),
  ]);
  return 1 + inWindow + ahead.reduce((sum, count) => sum + count, 0);
}

import { queueSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import type { JobRecord } from "./record.ts";

/** With more waiting groups than this the place in line costs more than it tells, and is not given. */
const MAX_GROUPS = 256;

/**
 * The place of a waiting job among all owners' jobs in its queue, 1 = next; null when it does not wait.
 * A job that has been fed stands in the window, before everything in the backlog; the window also holds what runs, which
 * waits no more and does not count.
 */
export async function position(redis: Redis, keys: Keys, record: JobRecord): Promise<number | null> {
  if (record.status !== "queued") return null;
  const window = await waitingInWindow(redis, keys, queueSlug(record.slug));
  const place = window.indexOf(record.id);
  if (place >= 0) return place + 1;
  const ahead = await aheadInBacklogs(redis, keys, record);
  return ahead === null ? null : 1 + window.length + ahead;
}

/** Fed jobs that no worker has claimed yet, in the order in which they were fed. */
async function waitingInWindow(redis: Redis, keys: Keys, slug: string): Promise<string[]> {
  const ids = await redis.zrange(keys.window(slug), 0, "-1");
  const statuses = await Promise.all(ids.map((id) => redis.hget(keys.job(id), "status")));
  return ids.filter((_, index) => statuses[index] === "queued");
}

/** Jobs that `feed` takes before this one: the lower ready time first, then the lower group, then the lower id. */
async function aheadInBacklogs(redis: Redis, keys: Keys, { slug, id }: JobRecord): Promise<number | null> {
  const queue = queueSlug(slug);
  const groups = await redis.zrange(keys.groups(queue), 0, String(MAX_GROUPS));
  if (groups.length > MAX_GROUPS) return null;
  const scores = await Promise.all(groups.map((group) => redis.zscore(keys.backlog(queue, group), id)));
  const own = groups.find((_, index) => scores[index] !== null);
  const ready = scores.find((score) => score !== null);
  if (own === undefined || ready === undefined) return null;
  const counts = await Promise.all(
    groups.map((group) => {
      const backlog = keys.backlog(queue, group);
      return group === own ? redis.zrank(backlog, id) : redis.zcount(backlog, "-inf", group < own ? ready : `(${ready}`);
    }),
  );
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

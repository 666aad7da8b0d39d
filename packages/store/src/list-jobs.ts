import type { JobStatus } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { type JobRecord, readRecords } from "./record.ts";

export interface ListQuery {
  owner: string;
  status?: JobStatus;
  slug?: string;
  metadata: Record<string, string>;
  limit: number;
  /** The id after which the page starts. */
  after?: string;
  order: "desc" | "asc";
}

export interface JobPage {
  records: JobRecord[];
  hasMore: boolean;
}

/** Ids looked at per round trip when a filter has no index: a filter that matches nothing costs a million jobs 1,000 of them. */
const FILTER_BATCH = 1_000;

/** A page of an owner's jobs by creation time, newest first unless asked otherwise. */
export async function listJobs(redis: Redis, keys: Keys, query: ListQuery): Promise<JobPage> {
  const found: JobRecord[] = [];
  for await (const record of matching(redis, keys, query)) {
    if (found.length === query.limit) return { records: found, hasMore: true };
    found.push(record);
  }
  return { records: found, hasMore: false };
}

/** Everything from the cursor on that fits the query, read as it is asked for. */
async function* matching(redis: Redis, keys: Keys, query: ListQuery): AsyncGenerator<JobRecord> {
  const index = indexOf(keys, query);
  const pageSize = query.limit + 1;
  const batch = isIndexed(query) ? pageSize : Math.max(pageSize, FILTER_BATCH);
  for (let after = query.after; ; ) {
    const ids = await readIndex(redis, index, query, after, batch);
    const fitting = await filterIds(redis, keys, query, ids);
    for (let start = 0; start < fitting.length; start += pageSize) {
      const records = await readRecords(redis, keys, fitting.slice(start, start + pageSize));
      // The index was read before the record: the job may have moved on or gone since.
      for (const record of records)
        if (record !== null && (query.status === undefined || record.status === query.status)) yield record;
    }
    after = ids.at(-1);
    if (ids.length < batch) return;
  }
}

function indexOf(keys: Keys, query: ListQuery): string {
  if (query.status !== undefined) return keys.byStatus(query.owner, query.status);
  return query.slug === undefined ? keys.byOwner(query.owner) : keys.byModel(query.owner, query.slug);
}

function isIndexed(query: ListQuery): boolean {
  const filters = Number(query.status !== undefined) + Number(query.slug !== undefined);
  return filters <= 1 && Object.keys(query.metadata).length === 0;
}

/** Ids sort by time, so an index is read by id range and a cursor is an id: no page is ever skipped or repeated. */
function readIndex(redis: Redis, index: string, query: ListQuery, after: string | undefined, count: number): Promise<string[]> {
  return query.order === "desc"
    ? redis.zrange(index, after === undefined ? "+" : `(${after}`, "-", "BYLEX", "REV", "LIMIT", 0, count)
    : redis.zrange(index, after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, count);
}

async function filterIds(redis: Redis, keys: Keys, query: ListQuery, ids: readonly string[]): Promise<readonly string[]> {
  const wanted = Object.entries(query.metadata);
  if (ids.length === 0 || isIndexed(query)) return ids;
  const { slug } = query;
  const [models, texts] = await Promise.all([
    slug === undefined ? null : redis.zmscore(keys.byModel(query.owner, slug), ...ids),
    wanted.length === 0 ? null : redis.mget(ids.map((id) => keys.metadata(id))),
  ]);
  return ids.filter((_, at) => models?.[at] !== null && (texts === null || hasPairs(texts[at], wanted)));
}

function hasPairs(text: string | null | undefined, wanted: readonly [string, string][]): boolean {
  if (typeof text !== "string") return false;
  const metadata = JSON.parse(text) as Record<string, string>;
  return wanted.every(([key, value]) => Object.hasOwn(metadata, key) && metadata[key] === value);
}

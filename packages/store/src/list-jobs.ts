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

/** Most records one page may look through for its filters: bounds the cost of a filter that matches little. */
const SCAN_LIMIT = 10_000;

function indexOf(keys: Keys, query: ListQuery): string {
  if (query.status !== undefined) return keys.byStatus(query.owner, query.status);
  return query.slug === undefined ? keys.byOwner(query.owner) : keys.byModel(query.owner, query.slug);
}

function matches(record: JobRecord, query: ListQuery): boolean {
  if (query.slug !== undefined && record.slug !== query.slug) return false;
  if (query.status !== undefined && record.status !== query.status) return false;
  return Object.entries(query.metadata).every(([key, value]) => record.metadata[key] === value);
}

/** Ids sort by time, so an index is read by id range and a cursor is an id: no page is ever skipped or repeated. */
function readIndex(redis: Redis, index: string, query: ListQuery, after: string | undefined, count: number): Promise<string[]> {
  return query.order === "desc"
    ? redis.zrange(index, after === undefined ? "+" : `(${after}`, "-", "BYLEX", "REV", "LIMIT", 0, count)
    : redis.zrange(index, after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, count);
}

/** A page of an owner's jobs by creation time, newest first unless asked otherwise. */
export async function listJobs(redis: Redis, keys: Keys, query: ListQuery): Promise<JobPage> {
  const index = indexOf(keys, query);
  const found: JobRecord[] = [];
  let after = query.after;
  for (let scanned = 0; scanned < SCAN_LIMIT; ) {
    const ids = await readIndex(redis, index, query, after, query.limit + 1);
    const records = await readRecords(redis, keys, ids);
    for (const record of records) {
      if (record === null || !matches(record, query)) continue;
      if (found.length === query.limit) return { records: found, hasMore: true };
      found.push(record);
    }
    if (ids.length <= query.limit) return { records: found, hasMore: false };
    after = ids.at(-1);
    scanned += ids.length;
  }
  return { records: found, hasMore: found.length > 0 };
}

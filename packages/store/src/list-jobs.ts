import { type JobStatus, jobStatuses } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { readIndexes } from "./read-indexes.ts";
import { pageOf } from "./read-page.ts";
import { type JobRecord, readRecords } from "./record.ts";

export interface ListQuery {
  owner: string;
  status?: JobStatus;
  slug?: string;
  metadata: Record<string, string>;
  /** Of jobs that failed. */
  errorCode?: string;
  /** Whether a job runs it again. */
  isRetried?: boolean;
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
  const { found, hasMore } = await pageOf(matching(redis, keys, query), query.limit);
  return { records: found, hasMore };
}

/** Everything from the cursor on that fits the query, read as it is asked for. */
async function* matching(redis: Redis, keys: Keys, query: ListQuery): AsyncGenerator<JobRecord> {
  const indexes = await indexesOf(redis, keys, query);
  if (indexes.length === 0) return;
  const wanted = Object.entries(query.metadata);
  const pageSize = query.limit + 1;
  const isFiltered = wanted.length > 0 || query.errorCode !== undefined || query.isRetried !== undefined;
  const batch = isFiltered ? Math.max(pageSize, FILTER_BATCH) : pageSize;
  for (let after = query.after; ; ) {
    const ids = await readIndexes(redis, indexes, query.order, after, batch);
    const fitting = await withFields(redis, keys, await withMetadata(redis, keys, ids, wanted), query);
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

/** Those whose records say so; read without their requests and results. */
async function withFields(
  redis: Redis,
  keys: Keys,
  ids: readonly string[],
  { errorCode, isRetried }: ListQuery,
): Promise<readonly string[]> {
  if (errorCode === undefined && isRetried === undefined) return ids;
  const fields = await Promise.all(ids.map((id) => redis.hmget(keys.job(id), "error_code", "retried_by")));
  return ids.filter((_, at) => {
    const [code, retriedBy] = fields[at] ?? [];
    return (
      (errorCode === undefined || code === errorCode) &&
      (isRetried === undefined || (typeof retriedBy === "string") === isRetried)
    );
  });
}

async function indexesOf(redis: Redis, keys: Keys, { owner, slug, status }: ListQuery): Promise<string[]> {
  const slugs = slug === undefined ? await redis.smembers(keys.byOwner(owner)) : [slug];
  const statuses = status === undefined ? jobStatuses : [status];
  return slugs.flatMap((one) => statuses.map((state) => keys.index(owner, one, state)));
}

async function withMetadata(
  redis: Redis,
  keys: Keys,
  ids: readonly string[],
  wanted: readonly [string, string][],
): Promise<readonly string[]> {
  if (ids.length === 0 || wanted.length === 0) return ids;
  const texts = await redis.mget(ids.map((id) => keys.metadata(id)));
  return ids.filter((_, at) => hasPairs(texts[at], wanted));
}

function hasPairs(text: string | null | undefined, wanted: readonly [string, string][]): boolean {
  if (typeof text !== "string") return false;
  const metadata = JSON.parse(text) as Record<string, string>;
  return wanted.every(([key, value]) => Object.hasOwn(metadata, key) && metadata[key] === value);
}

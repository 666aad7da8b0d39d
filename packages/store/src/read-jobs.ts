import type { Job } from "@llamero/core";
import type { Redis } from "ioredis";
import { readCatalogue } from "./catalogue.ts";
import type { Keys } from "./keys.ts";
import { type JobPage, type ListQuery, listJobs } from "./list-jobs.ts";
import { placeOf } from "./place.ts";
import { type JobRecord, readRecords, toJob } from "./record.ts";
import { guarded } from "./redis-errors.ts";

export interface Reference {
  id: string;
  owner: string;
}

/** Reading jobs. */
export function createReads(redis: Redis, keys: Keys) {
  const names = new Map<string, string>();
  /** Model names by slug; read again only for a slug not seen before. */
  const nameOf = async (slug: string): Promise<string> => {
    if (!names.has(slug)) for (const entry of await readCatalogue(redis, keys)) names.set(entry.slug, entry.name);
    return names.get(slug) ?? slug;
  };
  const view = async (record: JobRecord, withPlace: boolean): Promise<Job> =>
    toJob(record, {
      model: await nameOf(record.slug),
      place: withPlace ? await placeOf(redis, keys, record) : null,
      tried: await Promise.all((record.route?.tried ?? []).map(async ({ slug, code }) => ({ model: await nameOf(slug), code }))),
    });

  const getRecord = async ({ id, owner }: Reference): Promise<JobRecord | null> => {
    const [record] = await guarded(() => readRecords(redis, keys, [id]));
    return record && record.owner === owner ? record : null;
  };
  return {
    getRecord,
    modelName: nameOf,
    /** An owner's job; null when it does not exist or is somebody else's. */
    getJob: async (reference: Reference): Promise<Job | null> => {
      const record = await getRecord(reference);
      return record === null ? null : guarded(() => view(record, true));
    },
    /** Jobs by their ids, in their order, whoever's they are; null for what is not there. */
    getJobs: (ids: readonly string[]): Promise<(Job | null)[]> =>
      guarded(async () => {
        const records = await readRecords(redis, keys, ids);
        return Promise.all(records.map((record) => (record === null ? null : view(record, false))));
      }),
    /** What is kept of the call that a job came by, as JSON; null where nothing is. Whose the job is, is for the caller to check. */
    getDoor: (id: string): Promise<string | null> => guarded(() => redis.get(keys.door(id))),
    /** The same of several jobs, in their order. */
    getDoors: (ids: readonly string[]): Promise<(string | null)[]> =>
      guarded(async () => (ids.length === 0 ? [] : redis.mget(ids.map((id) => keys.door(id))))),
    /** The records behind `listJobs`, with the requests that they were submitted with. */
    listRecords: (query: ListQuery): Promise<JobPage> => guarded(() => listJobs(redis, keys, query)),
    listJobs: async (query: ListQuery): Promise<{ jobs: Job[]; hasMore: boolean }> =>
      guarded(async () => {
        const page = await listJobs(redis, keys, query);
        return { jobs: await Promise.all(page.records.map((record) => view(record, false))), hasMore: page.hasMore };
      }),
  };
}

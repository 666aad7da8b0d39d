import { type Job, type ModelEntry, modelSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import { type Acceptance, accept, type NewJob } from "./accept.ts";
import { createApiKeys } from "./api-keys.ts";
import { append, type Claim, claim, type Ending, finish } from "./attempt.ts";
import { readAudit } from "./audit.ts";
import { backlogs } from "./backlogs.ts";
import { cancel, remove } from "./cancel.ts";
import { announceModel, readCatalogue } from "./catalogue.ts";
import { type DrainRate, drainRate } from "./drain-rate.ts";
import { readFed } from "./fed-job.ts";
import { beat, liveWorkers, type WorkerBeat } from "./fleet.ts";
import { type EventPage, readEvents } from "./job-events.ts";
import { createKeys } from "./keys.ts";
import { type JobPage, type ListQuery, listJobs } from "./list-jobs.ts";
import { placeOf } from "./place.ts";
import { type JobRecord, readRecords, toJob } from "./record.ts";
import { guarded } from "./redis-errors.ts";
import { Replicas } from "./replicas.ts";
import { createScripts } from "./scripts.ts";
import { serverMemory } from "./server-memory.ts";
import { createSettings } from "./settings.ts";
import { staleWindow, sweep } from "./sweep.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";

export interface StoreOptions {
  redis: Redis;
  /** Key prefix of the deployment. */
  prefix: string;
  /** Which cell this Redis is, 0 to 1023. */
  cell?: number;
  /** What may wait in one queue, asked at each job; more is not accepted. Default: no limit. */
  limits?: Acceptance["limits"];
  /** Replicas of Redis that must have a job before it is accepted. Default: 0. */
  waitReplicas?: number;
}

export interface Reference {
  id: string;
  owner: string;
}

const noLimits = () => ({ maxWaiting: null, maxWaitingTokens: null });

/**
 * The job store: every read and write of job records. Owns no connection.
 * Everything rejects with AppError `redis_unavailable` or `redis_memory_full` when Redis is away or full.
 */
export function createStore({ redis, prefix, cell = 0, limits = noLimits, waitReplicas = 0 }: StoreOptions) {
  const keys = createKeys(prefix, cell);
  const replicas = new Replicas(redis, waitReplicas);
  const acceptance = { limits, confirm: () => replicas.confirm() };
  const { run, runTogether } = createScripts(redis, keys.base);
  const names = new Map<string, string>();

  /** Model names by slug; read again only for a slug not seen before. */
  const nameOf = async (slug: string): Promise<string> => {
    if (!names.has(slug)) for (const entry of await readCatalogue(redis, keys)) names.set(entry.slug, entry.name);
    return names.get(slug) ?? slug;
  };
  const view = async (record: JobRecord, withPlace: boolean): Promise<Job> =>
    toJob(record, await nameOf(record.slug), withPlace ? await placeOf(redis, keys, record) : null);

  const getRecord = async ({ id, owner }: Reference): Promise<JobRecord | null> => {
    const [record] = await guarded(() => readRecords(redis, keys, [id]));
    return record && record.owner === owner ? record : null;
  };

  return {
    keys,
    cell,
    /** Commits a job; `model` is the name that its view gives. */
    accept: (job: NewJob, model: string = job.slug) => accept(run, job, model, acceptance),
    feed: async (slugs: readonly string[]) => readFed((await run("feed", slugs)) as unknown[]),
    claim: (carrier: { job_id: string; run: number }, workerId: string, variants: readonly string[] = []) =>
      claim(run, carrier, workerId, variants),
    append: (held: Pick<Claim, "jobId" | "fence">, k: number, chunk: { tokens: number[]; text: string }) =>
      append(runTogether, held, k, chunk),
    /** Whether a claim still gives the right to write: nobody has taken the job over, ended or deleted it. */
    isHeld: async (held: Pick<Claim, "jobId" | "fence">): Promise<boolean> => {
      const [fence, status] = await guarded(() => redis.hmget(keys.job(held.jobId), "fence", "status"));
      return status === "running" && Number(fence) === held.fence;
    },
    finish: (held: Pick<Claim, "jobId" | "fence">, ending: Ending) => finish(run, held, ending),
    cancel: (job: Reference, force = false) => cancel(run, job, force),
    remove: (job: Reference) => remove(run, job),
    sweep: (options: { retentionMs: number; limit: number }) => sweep(run, options),
    staleWindow: (slug: string, ageMs: number, limit: number) => staleWindow(redis, keys, slug, ageMs, limit),
    beat: (worker: WorkerBeat) => beat(run, worker),
    backlogs: (workerId: string, slugs: readonly string[]) => backlogs(run, workerId, slugs),
    liveWorkers: () => liveWorkers(redis, keys),
    /** What the workers of a queue have ended of late. */
    drainRate: (queue: string): Promise<DrainRate> => guarded(() => drainRate(redis, keys, queue)),
    announceModel: (entry: Omit<ModelEntry, "v" | "slug">) =>
      announceModel(redis, keys, { v: 1, slug: modelSlug(entry.name, entry.base), ...entry }),
    catalogue: () => readCatalogue(redis, keys),
    apiKeys: createApiKeys(redis, keys, run),
    settings: createSettings(redis, keys, run),
    /** What administrators have done, the newest first. */
    audit: (limit: number, before?: string) => readAudit(redis, keys, limit, before),
    webhooks: createWebhooks(redis, keys, run, cell),
    getRecord,
    modelName: nameOf,
    /** An owner's job; null when it does not exist or is somebody else's. */
    getJob: async (reference: Reference): Promise<Job | null> => {
      const record = await getRecord(reference);
      return record === null ? null : guarded(() => view(record, true));
    },
    /** What is kept of the call that a job came by, as JSON; null where nothing is. Whose the job is, is for the caller to check. */
    getDoor: (id: string): Promise<string | null> => guarded(() => redis.get(keys.door(id))),
    /** What has happened in an owner's job behind so many chunks; null when it does not exist or is somebody else's. */
    readEvents: (reference: Reference, behind: number): Promise<EventPage | null> => readEvents(run, reference, behind),
    /** The records behind `listJobs`, with the requests that they were submitted with. */
    listRecords: (query: ListQuery): Promise<JobPage> => guarded(() => listJobs(redis, keys, query)),
    listJobs: async (query: ListQuery): Promise<{ jobs: Job[]; hasMore: boolean }> =>
      guarded(async () => {
        const page = await listJobs(redis, keys, query);
        return { jobs: await Promise.all(page.records.map((record) => view(record, false))), hasMore: page.hasMore };
      }),
    memory: () => serverMemory(redis),
    /** Redis's clock, which all processes go by, in milliseconds since the epoch. */
    now: async (): Promise<number> => {
      const [seconds, microseconds] = await guarded(() => redis.time());
      return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    },
    /** @throws AppError `redis_unavailable` */
    ping: async (): Promise<void> => {
      await guarded(() => redis.ping());
    },
  };
}
export type Store = ReturnType<typeof createStore>;

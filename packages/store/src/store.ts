import { type Aliases, type ModelEntry, modelSlug, type ReuseMode } from "@llamero/core";
import type { Redis } from "ioredis";
import { type Acceptance, accept, type NewJob } from "./accept.ts";
import { createApiKeys } from "./api-keys.ts";
import { append, type Claim, type ClaimOptions, claim, type Ending, finish } from "./attempt.ts";
import { readAudit } from "./audit.ts";
import { backlogs } from "./backlogs.ts";
import { createBatches } from "./batches/batches.ts";
import { cancel, remove } from "./cancel.ts";
import { announceModel, readCatalogue } from "./catalogue.ts";
import { type DrainRate, drainRate } from "./drain-rate.ts";
import { readFed } from "./fed-job.ts";
import { createFileRemoval } from "./file-removal.ts";
import { createFiles } from "./files.ts";
import { beat, liveWorkers, type WorkerBeat } from "./fleet.ts";
import { type Behind, type EventPage, readEvents } from "./job-events.ts";
import { createKeys } from "./keys.ts";
import { readBreakers, readModelsHealth } from "./model-health.ts";
import { jobCounts, readQueues } from "./queues.ts";
import { createReads, type Reference } from "./read-jobs.ts";
import { guarded } from "./redis-errors.ts";
import { Replicas } from "./replicas.ts";
import { createReuse } from "./reuse/reuse.ts";
import { type FindModel, modelFinder } from "./routing.ts";
import { createSchedules } from "./schedules.ts";
import { createScripts } from "./scripts.ts";
import { serverMemory } from "./server-memory.ts";
import { createSettings } from "./settings.ts";
import { staleWindow, sweep } from "./sweep.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";
import { readWish, type WorkerWish, wishOfWorker } from "./worker-wishes.ts";

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
  /** Which requests are answered by what others were answered, asked at each. Default: none. */
  reuseMode?: () => ReuseMode;
}

const noLimits = () => ({ maxWaiting: null, maxWaitingTokens: null });
const noReuse = () => "off" as const;

/**
 * The job store: every read and write of job records. Owns no connection.
 * Everything rejects with AppError `redis_unavailable` or `redis_memory_full` when Redis is away or full.
 */
export function createStore(options: StoreOptions) {
  const { redis, prefix, cell = 0, limits = noLimits, waitReplicas = 0, reuseMode = noReuse } = options;
  const keys = createKeys(prefix, cell);
  const replicas = new Replicas(redis, waitReplicas);
  const acceptance = { limits, confirm: () => replicas.confirm() };
  const { run, runTogether } = createScripts(redis, keys.base);
  const reads = createReads(redis, keys);
  const settings = createSettings(redis, keys, run);

  return {
    keys,
    cell,
    /** Commits a job; `model` is the name that its view gives. */
    accept: (job: NewJob, model: string = job.slug) => accept(run, job, model, acceptance),
    feed: async (slugs: readonly string[]) => readFed((await run("feed", slugs)) as unknown[]),
    claim: (carrier: { job_id: string; run: number }, workerId: string, options: ClaimOptions = {}) =>
      claim(run, carrier, workerId, options),
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
    /** The trace that a job belongs to, as W3C's `traceparent`; null: to none, or it is gone. */
    traceOf: (jobId: string): Promise<string | null> => guarded(() => redis.hget(keys.job(jobId), "trace")),
    /** What is wanted of a worker. */
    readWish: (workerId: string) => readWish(redis, keys, workerId),
    wishOfWorker: (workerId: string, wish: Partial<WorkerWish>, note: { by: string; action: string }) =>
      wishOfWorker(run, workerId, wish, note),
    /** What the workers of a queue have ended of late. */
    drainRate: (queue: string): Promise<DrainRate> => guarded(() => drainRate(redis, keys, queue)),
    /** How queues stand, by the slugs of their models. */
    queues: (slugs: readonly string[]) => readQueues(redis, keys, run, slugs),
    /** How many jobs there are. */
    jobCounts: () => jobCounts(redis, keys),
    announceModel: (entry: Omit<ModelEntry, "v" | "slug">) =>
      announceModel(redis, keys, { v: 1, slug: modelSlug(entry.name, entry.base), ...entry }),
    catalogue: () => readCatalogue(redis, keys),
    /** How the models of the catalogue are, where an alias goes by it. */
    modelsHealth: (catalogue: readonly ModelEntry[], aliases: Aliases) => readModelsHealth(redis, keys, catalogue, aliases),
    /** Finds models for what is routed in the next moment. */
    modelFinder: async (aliases: Aliases = {}): Promise<FindModel> => {
      const catalogue = await readCatalogue(redis, keys);
      return modelFinder(catalogue, aliases, await readModelsHealth(redis, keys, catalogue, aliases));
    },
    /** Breakers that are not closed, by queue. */
    breakers: () => readBreakers(redis, keys),
    apiKeys: createApiKeys(redis, keys, run),
    settings,
    reuse: createReuse(redis, keys, run, reuseMode, settings),
    /** What administrators have done, the newest first. */
    audit: (limit: number, before?: string) => readAudit(redis, keys, limit, before),
    webhooks: createWebhooks(redis, keys, run, cell),
    files: { ...createFiles(redis, keys, run), ...createFileRemoval(redis, keys, run) },
    batches: createBatches(redis, keys, run, limits),
    schedules: createSchedules(redis, keys, run),
    ...reads,
    /** What has happened in an owner's job behind so many chunks; null when it does not exist or is somebody else's. */
    readEvents: (reference: Reference, behind: Behind): Promise<EventPage | null> => readEvents(run, reference, behind),
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

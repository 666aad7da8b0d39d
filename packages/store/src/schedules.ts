import { type OverlapPolicy, overlapPolicies, type ScheduleOutcome, scheduleOutcomes } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { readPage } from "./read-page.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

const number = z.string().transform(Number);
const fieldsSchema = z.object({
  owner: z.string(),
  key: z.string().optional(),
  cron: z.string(),
  timezone: z.string(),
  overlap: z.enum(overlapPolicies),
  name: z.string().optional(),
  work: z.string(),
  paused: z.string().optional(),
  created_ms: number,
  runs: number.default(0),
  last_ms: number.optional(),
  last_id: z.string().optional(),
  last_outcome: z.enum(scheduleOutcomes).optional(),
  last_error: z.string().optional(),
});

/** A run of a schedule. */
export interface ScheduleRun {
  /** For when it was, in milliseconds since the epoch. */
  atMs: number;
  outcome: ScheduleOutcome;
  /** The job or the batch that it started; null where it started none. */
  startedId: string | null;
  /** Why it started none; null where it did, or was skipped. */
  error: string | null;
}

export interface StoredSchedule {
  id: string;
  owner: string;
  /** The API key that it was made with. */
  keyId: string | null;
  cron: string;
  timezone: string;
  overlap: OverlapPolicy;
  name: string | null;
  /** What it runs, as JSON. */
  work: string;
  isPaused: boolean;
  createdMs: number;
  runs: number;
  lastRun: ScheduleRun | null;
  /** The last job or batch that it started, which may have run since before the last run was skipped. */
  lastStartedId: string | null;
}

export interface NewSchedule
  extends Pick<StoredSchedule, "id" | "owner" | "keyId" | "cron" | "timezone" | "overlap" | "name" | "work" | "isPaused"> {
  /** Most schedules that the owner may have. */
  limit: number;
  /** Digests of the caller's Idempotency-Key and of the body it came with. */
  idempotency: { key: string; bodyHash: string } | null;
}

export type CreatedSchedule = { outcome: "created" | "too_many" } | { outcome: "duplicate" | "conflict"; id: string };

function toSchedule(id: string, raw: Record<string, string>): StoredSchedule | null {
  if (raw["owner"] === undefined) return null;
  const f = fieldsSchema.parse(raw);
  const { last_ms: atMs, last_outcome: outcome } = f;
  const lastRun =
    atMs === undefined || outcome === undefined
      ? null
      : { atMs, outcome, startedId: outcome === "started" ? (f.last_id ?? null) : null, error: f.last_error || null };
  return {
    id,
    owner: f.owner,
    keyId: f.key ?? null,
    cron: f.cron,
    timezone: f.timezone,
    overlap: f.overlap,
    name: f.name ?? null,
    work: f.work,
    isPaused: f.paused !== undefined,
    createdMs: f.created_ms,
    runs: f.runs,
    lastRun,
    lastStartedId: f.last_id ?? null,
  };
}

/** Schedules: what is to run again and again. When is BullMQ's to say, by the record that stands here. */
export function createSchedules(redis: Redis, keys: Keys, run: RunScript) {
  const read = async (id: string) => toSchedule(id, await redis.hgetall(keys.schedule(id)));
  return {
    async create({
      id,
      owner,
      keyId,
      cron,
      timezone,
      overlap,
      name,
      work,
      isPaused,
      limit,
      idempotency,
    }: NewSchedule): Promise<CreatedSchedule> {
      const fields = ["cron", cron, "timezone", timezone, "overlap", overlap, "work", work];
      const optional = [...(keyId === null ? [] : ["key", keyId]), ...(name === null ? [] : ["name", name])];
      const args = [id, owner, limit, idempotency?.key ?? "", idempotency?.bodyHash ?? "", ...fields, ...optional];
      const reply = (await run("create-schedule", isPaused ? [...args, "paused", 1] : args)) as [
        CreatedSchedule["outcome"],
        unknown,
      ];
      const [outcome, other] = reply;
      return outcome === "duplicate" || outcome === "conflict" ? { outcome, id: String(other) } : { outcome };
    },
    /** Only the owner's own one; of whoever, for dispatchers, where no owner is given. */
    get: ({ id, owner }: { id: string; owner?: string }): Promise<StoredSchedule | null> =>
      guarded(async () => {
        const schedule = await read(id);
        return owner === undefined || schedule?.owner === owner ? schedule : null;
      }),
    /** A page of an owner's schedules, the newest first. */
    list: ({ owner, limit, after }: { owner: string; limit: number; after?: string }) =>
      guarded(async () => {
        const { found, hasMore } = await readPage(redis, {
          ...{ indexes: [keys.schedulesOf(owner)], order: "desc", after, limit },
          read: (ids) => Promise.all(ids.map(read)),
        });
        return { schedules: found, hasMore };
      }),
    /** The ids of all schedules of all owners. */
    all: (): Promise<string[]> => guarded(() => redis.smembers(keys.schedules)),
    /** @returns false where there is no such schedule of that owner */
    async setPaused({ id, owner }: { id: string; owner: string }, isPaused: boolean): Promise<boolean> {
      return (await run("change-schedule", [id, owner, isPaused ? "pause" : "resume"])) === 1;
    },
    async remove({ id, owner }: { id: string; owner: string }): Promise<boolean> {
      return (await run("change-schedule", [id, owner, "remove"])) === 1;
    },
    /** Notes what became of a run. The same one again changes nothing. */
    async noteRun(id: string, { atMs, outcome, startedId, error }: ScheduleRun): Promise<void> {
      await run("note-run", [id, atMs, outcome, startedId ?? "", error ?? ""]);
    },
  };
}
export type Schedules = ReturnType<typeof createSchedules>;

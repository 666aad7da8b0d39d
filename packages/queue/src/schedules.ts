import { AppError } from "@llamero/core";
import { type Keys, redisError } from "@llamero/store";
import { type ConnectionOptions, getNextMillis, type Job, Queue, Worker } from "bullmq";
import { z } from "zod";
import { SCHEDULE_QUEUE } from "./queue-names.ts";

/** BullMQ writes an event per state change; nobody reads them, so few are kept. */
const EVENTS_KEPT = 100;
/** A run that cannot be started is tried again, the first time after a second, then after twice as long each time: for four minutes. */
const ATTEMPTS = 9;
const BACKOFF_MS = 1_000;
/** A dead dispatcher's run is taken over after lock and check, in milliseconds. */
const LOCK_MS = 5_000;
const STALL_CHECK_MS = 2_500;

/** When something is to run: what BullMQ goes by. */
export interface Timing {
  cron: string;
  timezone: string;
}

/**
 * The next times at which something falls due, in milliseconds since the epoch.
 * @throws AppError `invalid_request` for a cron expression or a time zone that is none
 */
export function nextRuns({ cron, timezone }: Timing, fromMs: number, count: number): number[] {
  const runs: number[] = [];
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    const text = `timezone: ${timezone} is no time zone; write it as in Europe/Lisbon.`;
    throw new AppError("invalid_request", text, { param: "timezone", cause });
  }
  try {
    for (let at: number | undefined = fromMs; runs.length < count; runs.push(at)) {
      at = getNextMillis(at, { pattern: cron, tz: timezone });
      if (at === undefined) break;
    }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "";
    throw new AppError("invalid_request", `cron: ${said || "cannot be read"}.`, { param: "cron", cause });
  }
  return runs;
}

const dataSchema = z.object({ v: z.literal(1), schedule_id: z.string() });

/** A run that falls due. */
export interface DueRun {
  scheduleId: string;
  /** For when it was, in milliseconds since the epoch. */
  atMs: number;
  /** It was asked for, and did not come by its time. */
  isAsked: boolean;
  /** There is no further attempt. */
  isLast: boolean;
}

const data = (scheduleId: string) => ({ v: 1 as const, schedule_id: scheduleId });
const tries = {
  attempts: ATTEMPTS,
  backoff: { type: "exponential", delay: BACKOFF_MS },
  removeOnComplete: true,
  removeOnFail: true,
};
const ASKED = "asked";
const BY_TIME = "by_time";

/** The producer's end: BullMQ's job schedulers, one for each schedule that is not paused. */
export class ScheduleTimers {
  readonly #queue: Queue;

  /** @param connection of the role `commands` or `worker`; it stays the caller's */
  constructor({ connection, keys }: { connection: ConnectionOptions; keys: Keys }) {
    this.#queue = new Queue(SCHEDULE_QUEUE, {
      connection,
      prefix: keys.queues,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: EVENTS_KEPT } },
    });
    // Each call reports its own failure; without a listener the emitter would end the process.
    this.#queue.on("error", () => {});
  }

  /** Lets a schedule fall due from now on; again is legal. @throws AppError `redis_unavailable` */
  async start(scheduleId: string, { cron, timezone }: Timing): Promise<void> {
    await this.#guarded(() =>
      this.#queue.upsertJobScheduler(
        scheduleId,
        { pattern: cron, tz: timezone },
        { name: BY_TIME, data: data(scheduleId), opts: tries },
      ),
    );
  }

  async isStarted(scheduleId: string): Promise<boolean> {
    return (await this.#guarded(() => this.#queue.getJobScheduler(scheduleId))) !== undefined;
  }

  /** Lets it fall due no more. */
  async stop(scheduleId: string): Promise<void> {
    await this.#guarded(() => this.#queue.removeJobScheduler(scheduleId));
  }

  /** Runs a schedule once, now. */
  async ask(scheduleId: string): Promise<void> {
    await this.#guarded(() => this.#queue.add(ASKED, data(scheduleId), tries));
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw redisError(error);
    }
  }
}

export interface ScheduleConsumerOptions {
  /** A connection of the role `blocking`; it stays the caller's. */
  connection: ConnectionOptions;
  keys: Keys;
  /** Resolves when the run is through with. A rejection is reported, and the run is tried again later, but for the last time. */
  handle: (run: DueRun) => Promise<void>;
  onError: (error: Error) => void;
}

/** The consumer's end: runs that fall due. */
export class ScheduleConsumer {
  readonly #worker: Worker;

  constructor({ connection, keys, handle, onError }: ScheduleConsumerOptions) {
    this.#worker = new Worker(SCHEDULE_QUEUE, (job) => handle(toRun(job)), {
      connection,
      prefix: keys.queues,
      autorun: false,
      skipVersionCheck: true,
      lockDuration: LOCK_MS,
      stalledInterval: STALL_CHECK_MS,
      maxStalledCount: 1_000_000,
    });
    this.#worker.on("error", onError);
    this.#worker.on("failed", (_job, error) => onError(error));
  }

  /** Starts pulling; returns at once. */
  start(onStopped: (error: unknown) => void): void {
    this.#worker.run().catch(onStopped);
  }

  /** Waits for the runs in hand. Legal to call twice. */
  async close(): Promise<void> {
    await this.#worker.close();
  }
}

/** The id of what a job scheduler makes ends in the time that it is for: `repeat:ID:TIME`. */
function toRun(job: Job): DueRun {
  const { schedule_id } = dataSchema.parse(job.data);
  const time = Number(job.id?.split(":").at(-1));
  const isAsked = job.name === ASKED;
  return { scheduleId: schedule_id, atMs: isAsked ? job.timestamp : time, isAsked, isLast: job.attemptsMade + 1 >= ATTEMPTS };
}

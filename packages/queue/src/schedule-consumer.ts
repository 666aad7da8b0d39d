import type { Keys } from "@llamero/store";
import { type ConnectionOptions, Worker } from "bullmq";
import { SCHEDULE_QUEUE } from "./queue-names.ts";
import { type DueRun, toRun } from "./schedule-runs.ts";
import { LOCK_MS, REST_MS, STALL_CHECK_MS } from "./takeover.ts";

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
      runRetryDelay: REST_MS,
      // What a run starts has an id made of its time, so that it is started once; BullMQ's own count would drop innocent runs.
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

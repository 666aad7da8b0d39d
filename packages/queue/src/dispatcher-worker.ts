import type { Keys } from "@llamero/store";
import { type ConnectionOptions, type Job, Worker } from "bullmq";

/**
 * How soon a dead dispatcher's carriers are taken over: a lock lasts this long without renewal, and dead holders are looked for
 * this often, in milliseconds. After 7.5 s at most another has them.
 */
const LOCK_MS = 5_000;
const RENEW_MS = 1_250;
const STALL_CHECK_MS = 2_500;
/** Before the next try when Redis has been away, in milliseconds. */
const REST_MS = 1_000;

export interface PullOptions {
  /** A connection of the role `blocking`; it stays the caller's. */
  connection: ConnectionOptions;
  keys: Keys;
  /** Of a rejected carrier too. */
  onError: (error: Error) => void;
}

/** Pulls what dispatchers do from one BullMQ queue. */
export class DispatcherWorker {
  readonly #worker: Worker;

  /** @param concurrency carriers handled at once */
  constructor(name: string, handle: (job: Job) => Promise<void>, { connection, keys, onError }: PullOptions, concurrency = 1) {
    this.#worker = new Worker(name, handle, {
      connection,
      prefix: keys.queues,
      concurrency,
      autorun: false,
      skipVersionCheck: true,
      lockDuration: LOCK_MS,
      lockRenewTime: RENEW_MS,
      stalledInterval: STALL_CHECK_MS,
      runRetryDelay: REST_MS,
      // Records count attempts, and ids make that a run is started once; BullMQ's own count would drop innocent carriers.
      maxStalledCount: 1_000_000,
    });
    this.#worker.on("error", onError);
    this.#worker.on("failed", (_job, error) => onError(error));
  }

  /** Starts pulling; returns at once. */
  start(onStopped: (error: unknown) => void): void {
    this.#worker.run().catch(onStopped);
  }

  /** Takes no more carriers; those in hand go on. */
  async pause(): Promise<void> {
    await this.#worker.pause(true);
  }

  /** Waits for the carriers in hand, then closes. Legal to call twice. */
  async close(): Promise<void> {
    await this.#worker.close();
  }
}

import { type Carrier, carrierSchema } from "@llamero/core";
import type { Keys } from "@llamero/store";
import { type ConnectionOptions, Worker } from "bullmq";
import { inferenceQueue } from "./queue-names.ts";

/**
 * A carrier's lock lasts this long without renewal, and dead consumers are looked for this often, in milliseconds.
 * A dead worker's jobs are taken up after lock + check, 4.5 s at most; renewal comes four times within a lock, so that a
 * worker whose event loop hangs for a second does not lose its jobs.
 */
const LOCK_MS = 3_000;
const STALL_CHECK_MS = 1_500;
const RENEW_MS = 750;
/** After Redis has been away, and after it has refused a pull (disk full, memory full, read-only), in milliseconds. */
const REST_MS = 1_000;

export interface ConsumerOptions {
  connection: ConnectionOptions;
  keys: Keys;
  slug: string;
  /** Carriers handled at once: the model's slots. */
  concurrency: number;
  /** Resolves when the carrier is done with, whatever became of its job; a rejection is reported and drops the carrier. */
  handle: (carrier: Carrier) => Promise<void>;
  onError: (error: Error) => void;
}

/** The consumer's end of one model's queue. */
export class Consumer {
  readonly #worker: Worker;
  readonly #onError: (error: Error) => void;
  #isStopped = false;
  #rest: NodeJS.Timeout | null = null;

  constructor(options: ConsumerOptions) {
    this.#worker = new Worker(
      inferenceQueue(options.slug),
      async (job) => {
        await options.handle(carrierSchema.parse(job.data));
      },
      {
        connection: options.connection,
        prefix: options.keys.queues,
        concurrency: options.concurrency,
        autorun: false,
        skipVersionCheck: true,
        lockDuration: LOCK_MS,
        lockRenewTime: RENEW_MS,
        stalledInterval: STALL_CHECK_MS,
        runRetryDelay: REST_MS,
        // The record counts attempts; BullMQ's own count would drop carriers of innocent jobs.
        maxStalledCount: 1_000_000,
      },
    );
    this.#onError = options.onError;
    this.#worker.on("error", (error) => this.#restAfter(error));
    this.#worker.on("failed", (_job, error) => options.onError(error));
  }

  /** Starts pulling; returns at once. */
  start(onStopped: (error: unknown) => void): void {
    this.#worker.run().catch(onStopped);
  }

  /** Takes no more carriers; those in hand go on. */
  async pause(): Promise<void> {
    this.#isStopped = true;
    if (this.#rest !== null) clearTimeout(this.#rest);
    await this.#worker.pause(true);
  }

  /** Waits for the carriers in hand, then closes. Legal to call twice. */
  async close(): Promise<void> {
    await this.pause();
    await this.#worker.close();
  }

  /** BullMQ pulls again at once after a refused pull, for ever: a short rest keeps a full disk from a hot loop. */
  #restAfter(error: Error): void {
    if (this.#rest !== null || this.#isStopped) return;
    this.#onError(error);
    this.#rest = setTimeout(() => {
      this.#rest = null;
      void this.#worker.resume();
    }, REST_MS);
    void this.#worker.pause(true);
  }
}

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
        lockDuration: LOCK_MS,
        lockRenewTime: RENEW_MS,
        stalledInterval: STALL_CHECK_MS,
        // The record counts attempts; BullMQ's own count would drop carriers of innocent jobs.
        maxStalledCount: 1_000_000,
      },
    );
    this.#worker.on("error", options.onError);
    this.#worker.on("failed", (_job, error) => options.onError(error));
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

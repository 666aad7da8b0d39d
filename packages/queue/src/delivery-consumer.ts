import { type DeliveryCarrier, deliveryCarrierSchema } from "@llamero/core";
import type { Keys } from "@llamero/store";
import { type ConnectionOptions, Worker } from "bullmq";
import { DELIVERY_QUEUE } from "./queue-names.ts";
import { LOCK_MS, REST_MS, STALL_CHECK_MS } from "./takeover.ts";

/** How often a lock is renewed, in milliseconds. */
const RENEW_MS = 1_250;

export interface DeliveryConsumerOptions {
  /** A connection of the role `blocking`; it stays the caller's. */
  connection: ConnectionOptions;
  keys: Keys;
  /** Carriers handled at once. */
  concurrency: number;
  /** Resolves when the carrier is done with. A rejection is reported and drops the carrier: its record brings another. */
  handle: (carrier: DeliveryCarrier) => Promise<void>;
  onError: (error: Error) => void;
}

/** The consumer's end of the delivery queue. */
export class DeliveryConsumer {
  readonly #worker: Worker;

  constructor({ connection, keys, concurrency, handle, onError }: DeliveryConsumerOptions) {
    this.#worker = new Worker(DELIVERY_QUEUE, async (job) => handle(deliveryCarrierSchema.parse(job.data)), {
      connection,
      prefix: keys.queues,
      concurrency,
      autorun: false,
      skipVersionCheck: true,
      lockDuration: LOCK_MS,
      lockRenewTime: RENEW_MS,
      stalledInterval: STALL_CHECK_MS,
      runRetryDelay: REST_MS,
      // The record counts attempts; BullMQ's own count would drop carriers of innocent deliveries.
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

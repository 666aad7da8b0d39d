import { setTimeout as pause } from "node:timers/promises";
import { type Carrier, carrierId, carrierSchema } from "@llamero/core";
import type { Keys } from "@llamero/store";
import { type ConnectionOptions, WaitingError, Worker } from "bullmq";
import { inferenceQueue, type Lane } from "./queue-names.ts";

/**
 * A carrier's lock lasts this long without renewal, and dead consumers are looked for this often, in milliseconds.
 * A dead worker's jobs are taken up after lock + check, 3.5 s at most on an idle machine; renewal comes four times within a lock, so
 * that a worker whose event loop hangs for a second does not lose its jobs.
 */
const LOCK_MS = 2_500;
const STALL_CHECK_MS = 1_000;
const RENEW_MS = 600;
/** After Redis has been away, and after it has refused a pull (disk full, memory full, read-only), in milliseconds. */
const REST_MS = 1_000;

/** What BullMQ says of carriers whose lock was lost, besides telling of it as `lockRenewalFailed`: no reason to rest. */
const LOCK_LOST = /^(could not renew lock|Missing lock|Missing key|Lock mismatch) for job /;

/**
 * What becomes of a carrier: gone, or back to the head of its queue for whoever pulls next, which is somebody else where this consumer
 * leaves it to them for a moment: until then it uses one of the consumer's places.
 */
export type CarrierOutcome = "done" | "put_back" | { leftForMs: number };

export interface ConsumerOptions {
  connection: ConnectionOptions;
  keys: Keys;
  slug: string;
  lane: Lane;
  /** Carriers handled at once: the model's slots. */
  concurrency: number;
  /**
   * Resolves when the carrier is done with, whatever became of its job, or is not to be handled here now: then the consumer should be on
   * hold, or another one wait for carriers already, or it pulls it again at once. A rejection is reported and drops the carrier.
   */
  handle: (carrier: Carrier) => Promise<CarrierOutcome>;
  /**
   * The lock of a carrier in hand could not be renewed: it ran out, and another consumer may have the carrier or get it. Told again
   * with every renewal that fails.
   */
  onLockLost: (carrier: Carrier) => void;
  onError: (error: Error) => void;
}

/** The consumer's end of one of a model's queues. */
export class Consumer {
  readonly #worker: Worker;
  readonly #onError: (error: Error) => void;
  /** By the BullMQ job's id. */
  readonly #inHand = new Map<string, Carrier>();
  #isStopped = false;
  #isHeld = false;
  #isStarted = false;
  #rest: NodeJS.Timeout | null = null;

  constructor(options: ConsumerOptions) {
    this.#worker = new Worker(
      inferenceQueue(options.slug, options.lane),
      async (job, token) => {
        const outcome = await this.#handle(carrierSchema.parse(job.data), options);
        if (outcome === "done") return;
        await job.moveToWait(token);
        // BullMQ pulls again as soon as it is told, before those that wait have heard of the carrier.
        if (outcome !== "put_back") await pause(outcome.leftForMs);
        throw new WaitingError();
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
    this.#worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) {
        const carrier = this.#inHand.get(id);
        if (carrier !== undefined) options.onLockLost(carrier);
      }
    });
    this.#worker.on("error", (error) => {
      if (!LOCK_LOST.test(error.message)) this.#restAfter(error);
    });
    this.#worker.on("failed", (_job, error) => options.onError(error));
  }

  async #handle(carrier: Carrier, { handle }: Pick<ConsumerOptions, "handle">): Promise<CarrierOutcome> {
    const id = carrierId(carrier);
    this.#inHand.set(id, carrier);
    try {
      return await handle(carrier);
    } finally {
      if (this.#inHand.get(id) === carrier) this.#inHand.delete(id);
    }
  }

  /** Starts pulling, unless it is on hold; returns at once. */
  start(onStopped: (error: unknown) => void): void {
    this.#isStarted = true;
    if (this.#isHeld) return;
    this.#worker.run().catch(onStopped);
  }

  /** Takes no more carriers until `release`; those in hand go on. At once: what is pulled already can be put back. */
  hold(): void {
    this.#isHeld = true;
    void this.#worker.pause(true);
  }

  release(): void {
    this.#isHeld = false;
    this.#resume();
  }

  /** Takes no more carriers for good; those in hand go on. */
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
      this.#resume();
    }, REST_MS);
    void this.#worker.pause(true);
  }

  #resume(): void {
    if (!this.#isStarted || this.#isHeld || this.#isStopped || this.#rest !== null) return;
    void this.#worker.resume();
  }
}

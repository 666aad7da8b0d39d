import type { DeliveryCarrier } from "@llamero/core";
import { type DueDelivery, type Keys, redisError } from "@llamero/store";
import { type ConnectionOptions, type Job, Queue } from "bullmq";
import { DELIVERY_QUEUE } from "./queue-names.ts";

/** BullMQ writes an event per state change of a carrier; nobody reads them, so few are kept. */
const EVENTS_KEPT = 100;

/** The same round of a delivery always makes the same id, so that adding it twice is adding it once. */
const idOf = ({ deliveryId, round }: DueDelivery) => `${deliveryId}-${round}`;

/**
 * The producer's end of the delivery queue. A carrier that could not be added does no harm: its record says when it is due, and
 * `repairDeliveries` adds it again.
 */
export class DeliveryCarriers {
  readonly #queue: Queue;

  /** @param connection of the role `commands` or `worker`; it stays the caller's */
  constructor({ connection, keys }: { connection: ConnectionOptions; keys: Keys }) {
    this.#queue = new Queue(DELIVERY_QUEUE, {
      connection,
      prefix: keys.queues,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: EVENTS_KEPT } },
    });
    // Each call reports its own failure; without a listener the emitter would end the process.
    this.#queue.on("error", () => {});
  }

  /** Adds carriers, each to come after its delay; one that is already there is left as it is. @throws AppError `redis_unavailable` */
  async add(due: readonly DueDelivery[]): Promise<void> {
    if (due.length === 0) return;
    try {
      await this.#queue.addBulk(due.map(toBulkJob));
    } catch (error) {
      throw redisError(error);
    }
  }

  /** Which of these, all of them late, have no carrier. Those whose carriers still wait, by a clock that was wrong, are brought up. */
  async missing(late: readonly DueDelivery[]): Promise<DueDelivery[]> {
    try {
      const found = await Promise.all(late.map((delivery) => this.#queue.getJob(idOf(delivery))));
      await Promise.all(found.map((carrier) => carrier !== undefined && bringUp(carrier)));
      return late.filter((_, index) => found[index] === undefined);
    } catch (error) {
      throw redisError(error);
    }
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}

async function bringUp(carrier: Job): Promise<void> {
  if (!(await carrier.isDelayed())) return;
  await carrier.promote().catch(async (error: unknown) => {
    // Its time has come in between.
    if (await carrier.isDelayed()) throw error;
  });
}

function toBulkJob(due: DueDelivery) {
  const data: DeliveryCarrier = { v: 1, delivery_id: due.deliveryId, round: due.round };
  // Without a time BullMQ takes this process's, which may be wrong.
  const delayed = due.fromMs === undefined ? {} : { delay: Math.max(0, due.delayMs), timestamp: due.fromMs };
  const opts = { jobId: idOf(due), ...delayed, removeOnComplete: true, removeOnFail: true };
  return { name: "deliver", data, opts };
}

import type { DeliveryCarrier } from "@llamero/core";
import type { DueDelivery, Keys } from "@llamero/store";
import type { ConnectionOptions, Job, Queue } from "bullmq";
import { asRedis, openQueue } from "./open-queue.ts";
import { DELIVERY_QUEUE } from "./queue-names.ts";

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
    this.#queue = openQueue(DELIVERY_QUEUE, { connection, prefix: keys.queues });
  }

  /** Adds carriers, each to come after its delay; one that is already there is left as it is. @throws AppError `redis_unavailable` */
  async add(due: readonly DueDelivery[]): Promise<void> {
    if (due.length === 0) return;
    await asRedis(() => this.#queue.addBulk(due.map(toBulkJob)));
  }

  /** Which of these, all of them late, have no carrier. Those whose carriers still wait, by a clock that was wrong, are brought up. */
  async missing(late: readonly DueDelivery[]): Promise<DueDelivery[]> {
    return await asRedis(async () => {
      const found = await Promise.all(late.map((delivery) => this.#queue.getJob(idOf(delivery))));
      await Promise.all(found.map((carrier) => carrier !== undefined && bringUp(carrier)));
      return late.filter((_, index) => found[index] === undefined);
    });
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

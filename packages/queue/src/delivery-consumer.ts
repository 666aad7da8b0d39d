import { type DeliveryCarrier, deliveryCarrierSchema } from "@llamero/core";
import { DispatcherWorker, type PullOptions } from "./dispatcher-worker.ts";
import { DELIVERY_QUEUE } from "./queue-names.ts";

export interface DeliveryConsumerOptions extends PullOptions {
  /** Carriers handled at once. */
  concurrency: number;
  /** Resolves when the carrier is done with. A rejection is reported and drops the carrier: its record brings another. */
  handle: (carrier: DeliveryCarrier) => Promise<void>;
}

/** The consumer's end of the delivery queue. */
export class DeliveryConsumer extends DispatcherWorker {
  constructor({ concurrency, handle, ...options }: DeliveryConsumerOptions) {
    super(DELIVERY_QUEUE, async (job) => handle(deliveryCarrierSchema.parse(job.data)), options, concurrency);
  }
}

import { z } from "zod";

/**
 * What the BullMQ job holds: the way to a record and nothing of it. Jobs that wait may change carriers (docs/adr/0011).
 * `run` numbers the times the record was fed; a carrier whose run is not the record's is stale and is acknowledged unrun.
 */
export const carrierSchema = z.object({ v: z.literal(1), job_id: z.string(), run: z.int().positive() });
export type Carrier = z.infer<typeof carrierSchema>;

/**
 * The BullMQ id of a carrier: the same feed always makes the same id, so that adding it twice is adding it once. The store knows it as
 * lua/carriers.lua makes it.
 */
export function carrierId(carrier: Pick<Carrier, "job_id" | "run">): string {
  return `${carrier.job_id}-${carrier.run}`;
}

/** Whose carrier an id names. */
export function readCarrierId(id: string): Pick<Carrier, "job_id" | "run"> {
  const end = id.lastIndexOf("-");
  return { job_id: id.slice(0, end), run: Number(id.slice(end + 1)) };
}

/**
 * What the BullMQ job of a delivery holds. `round` numbers the times the delivery was scheduled; a carrier of an earlier round is
 * stale and is acknowledged without an attempt.
 */
export const deliveryCarrierSchema = z.object({ v: z.literal(1), delivery_id: z.string(), round: z.int().positive() });
export type DeliveryCarrier = z.infer<typeof deliveryCarrierSchema>;

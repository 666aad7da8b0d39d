import type { Store } from "@llamero/store";
import type { DeliveryCarriers } from "./delivery-carriers.ts";

/** A delivery that has been due for this long without a carrier has lost it, in milliseconds. */
const GRACE_MS = 2_000;
const LIMIT = 200;

/**
 * Adds the carriers of deliveries that are late and have none: they have stood in a receiver's line and were not called, or a
 * dispatcher died between writing down when a delivery is due and adding its carrier, or Redis lost its last writes.
 * @returns how many there were
 */
export async function repairDeliveries(store: Store, carriers: DeliveryCarriers): Promise<number> {
  const lost = await carriers.missing(await store.webhooks.lateDeliveries(GRACE_MS, LIMIT));
  await carriers.add(lost);
  return lost.length;
}

import { AppError, type Delivery, isId, shorten } from "@llamero/core";
import type { Store } from "@llamero/store";

/** An owner's delivery. @throws AppError `delivery_not_found` */
export async function readDelivery(store: Store, reference: { id: string; owner: string }): Promise<Delivery> {
  const found = isId("delivery", reference.id) ? await store.webhooks.getDelivery(reference) : null;
  if (found === null) throw new AppError("delivery_not_found", `There is no delivery ${shorten(reference.id)}.`, { param: "id" });
  return found;
}

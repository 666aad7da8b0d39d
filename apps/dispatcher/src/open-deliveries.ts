import type { DeliveryCarriers } from "@llamero/queue";
import type { DueDelivery, OutboxEvent, Store } from "@llamero/store";

/**
 * Opens a delivery for each event and each target that wants it, and adds the carriers. All of it may happen again: ids follow
 * from event and target.
 */
export async function openDeliveries(store: Store, carriers: DeliveryCarriers, events: readonly OutboxEvent[]): Promise<void> {
  const asked = events.flatMap((event) => (event.due === null ? [] : [event.due]));
  const found = await store.webhooks.targetsOf(events);
  const opened = await Promise.all(
    found.flatMap(({ event, targets }) => targets.map((target) => store.webhooks.openDelivery(event, target))),
  );
  const due = opened.filter((delivery): delivery is DueDelivery => delivery !== null);
  await carriers.add([...asked, ...due]);
}

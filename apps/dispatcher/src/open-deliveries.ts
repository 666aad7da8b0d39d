import { isTerminal, type OpenAiWebhookEvent } from "@llamero/core";
import { responseDoorSchema, statusOf } from "@llamero/openai";
import type { DeliveryCarriers } from "@llamero/queue";
import type { DueDelivery, OutboxEvent, Store } from "@llamero/store";

/**
 * Opens a delivery for each event and each target that wants it, and adds the carriers. All of it may happen again: ids follow
 * from event and target.
 */
export async function openDeliveries(store: Store, carriers: DeliveryCarriers, events: readonly OutboxEvent[]): Promise<void> {
  const asked = events.flatMap((event) => (event.due === null ? [] : [event.due]));
  const found = await store.webhooks.targetsOf([...events, ...(await ofResponses(store, events))]);
  const opened = await Promise.all(
    found.flatMap(({ event, targets }) => targets.map((target) => store.webhooks.openDelivery(event, target))),
  );
  const due = opened.filter((delivery): delivery is DueDelivery => delivery !== null);
  await carriers.add([...asked, ...due]);
}

const endings: readonly string[] = ["job.succeeded", "job.failed", "job.cancelled", "job.expired"];

/** What the end of a job also is where the job is a response made in the background: OpenAI tells of those alone. */
async function ofResponses(store: Store, events: readonly OutboxEvent[]): Promise<OutboxEvent[]> {
  const ended = events.filter(({ type }) => endings.includes(type));
  const doors = await store.getDoors(ended.map(({ jobId }) => jobId));
  const own = ended.filter((_, index) => isBackground(doors[index] ?? null));
  const told = await Promise.all(own.map((event) => toldOf(store, event)));
  return told.filter((event) => event !== null);
}

function isBackground(door: string | null): boolean {
  return door !== null && responseDoorSchema.safeParse(JSON.parse(door)).data?.shown.background === true;
}

async function toldOf(store: Store, event: OutboxEvent): Promise<OutboxEvent | null> {
  const job = await store.getJob({ id: event.jobId, owner: event.owner });
  if (job === null || !isTerminal(job.status)) return null;
  const status = statusOf(job);
  if (status === "queued" || status === "in_progress") return null;
  return { ...event, type: `response.${status}` satisfies OpenAiWebhookEvent };
}

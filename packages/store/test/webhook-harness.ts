import { type WebhookEvent, webhookEvents } from "@llamero/core";
import { createOutbox, type DeliveryClaim, type DueDelivery, type Following, type OutboxEvent } from "../src/index.ts";
import { type StoreHarness, submit } from "./harness.ts";

export const URL_ONE = "https://one.example/hook";
export const secretOf = (letter: string) => `whsec_${Buffer.alloc(32, letter).toString("base64")}`;

export async function addEndpoint(
  { store }: StoreHarness,
  over: { owner?: string; url?: string; events?: readonly WebhookEvent[] } = {},
): Promise<string> {
  const defaults = { owner: "local", url: URL_ONE, events: webhookEvents, payload: "full", description: null } as const;
  const endpoint = await store.webhooks.createEndpoint({ ...defaults, secret: secretOf("a"), limit: 100, ...over });
  if (endpoint === null) throw new Error("not created");
  return endpoint.id;
}

/** Ends a job as cancelled and reads its event as a dispatcher does. */
export async function endedJob(harness: StoreHarness, over: Parameters<typeof submit>[1] = {}): Promise<OutboxEvent> {
  const job = await submit(harness, over);
  await harness.store.cancel(job);
  const outbox = createOutbox(harness.redis, harness.store.keys, "d1");
  await outbox.open();
  const events = await outbox.read(100, 10);
  await outbox.acknowledge(events.map((event) => event.id));
  const event = events.find(({ jobId }) => jobId === job.id);
  if (event === undefined) throw new Error("the job's event is not in the outbox");
  return event;
}

/** Opens what an event has to be delivered to. */
export async function openAll({ store }: StoreHarness, event: OutboxEvent): Promise<DueDelivery[]> {
  const [found] = await store.webhooks.targetsOf([event]);
  const opened = await Promise.all((found?.targets ?? []).map((target) => store.webhooks.openDelivery(event, target)));
  return opened.filter((due) => due !== null);
}

/** Opens the one delivery of a job that has just ended. */
export async function openOne(harness: StoreHarness, over: Parameters<typeof submit>[1] = {}): Promise<DueDelivery> {
  const [due] = await openAll(harness, await endedJob(harness, over));
  if (due === undefined) throw new Error("nobody wants the event");
  return due;
}

export async function claimOne(
  { store }: StoreHarness,
  { deliveryId, round }: DueDelivery,
  limit?: number,
): Promise<DeliveryClaim> {
  const result = await store.webhooks.claimDelivery({ delivery_id: deliveryId, round }, limit);
  if (result.outcome !== "claimed") throw new Error(`not claimed: ${result.outcome}`);
  return result.claim;
}

const failure = { status: 500, error: { code: "http_status", message: "no 2xx" }, response_head: "" };
const success = { status: 200, error: null, response_head: "ok" };

export function record(
  { store }: StoreHarness,
  claim: DeliveryClaim,
  following: Following,
  { latency_ms = 3, limit }: { latency_ms?: number; limit?: number } = {},
) {
  const { number, begunMs: at_ms } = claim;
  const entry = { number, at_ms, ...(following.next === "delivered" ? success : failure), latency_ms };
  return store.webhooks.recordAttempt({ claim, following, entry, ...(limit === undefined ? {} : { limit }) });
}

/** Claims a delivery and ends the attempt. */
export async function attempt(harness: StoreHarness, due: DueDelivery, following: Following): Promise<DueDelivery[]> {
  return (await record(harness, await claimOne(harness, due), following)).due;
}

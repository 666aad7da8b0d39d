import { createHash, randomBytes } from "node:crypto";
import {
  newId,
  responseEvents,
  type WebhookEvent,
  type WebhookPayloadStyle,
  webhookEventSchema,
  webhookTestEvent,
} from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "../keys.ts";
import type { OutboxEvent } from "../outbox.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";
import { type DueDelivery, readDue } from "./due-delivery.ts";
import type { StoredEndpoint } from "./endpoints.ts";
import { parseHook } from "./hook.ts";

/** Where an event is to go: an endpoint, or with `endpointId` null the job's own URL. */
export interface WebhookTarget {
  endpointId: string | null;
  url: string;
  payload: WebhookPayloadStyle;
}

export interface WebhookEventTargets {
  event: OutboxEvent;
  targets: WebhookTarget[];
}

export type OpenedTest = { outcome: "scheduled"; deliveryId: string } | { outcome: "gone" | "disabled" };

const isOfResponse = (type: WebhookEvent) => responseEvents.some((event) => event === type);

type ListEndpoints = (owner: string) => Promise<StoredEndpoint[]>;

interface Opening {
  eventId: string;
  event: WebhookEvent | typeof webhookTestEvent;
  occurredMs: number;
  owner: string;
  jobId: string;
  batchId: string;
}

/** The outbox numbers its entries by Redis's clock. */
const occurredMs = (event: OutboxEvent) => Number.parseInt(event.id, 10);

/** What shares a breaker and a limit: all jobs of an owner that name the same origin, whatever the rest of their URLs. */
function receiverOf(owner: string, { endpointId, url }: WebhookTarget): string {
  return endpointId ?? `${owner}@${URL.parse(url)?.origin}`;
}

/** Opening deliveries: which targets an event has, and one record for each. */
export function createOpening(redis: Redis, keys: Keys, run: RunScript, cell: number, listEndpoints: ListEndpoints) {
  /** The same for the same thing, at whatever time by whichever dispatcher; sorted by the time of the event. */
  const derivedId = (kind: "event" | "delivery", nowMs: number, of: string) => {
    const digest = createHash("sha256").update(of).digest();
    return newId(kind, { now: () => nowMs, randomBytes: (count) => digest.subarray(0, count), cell });
  };
  const open = async (opening: Opening, target: WebhookTarget): Promise<DueDelivery | null> => {
    const { eventId, event, occurredMs, owner, jobId, batchId } = opening;
    const id = derivedId("delivery", occurredMs, `${eventId} ${target.endpointId ?? "own"}`);
    const { endpointId, url, payload } = target;
    const receiver = receiverOf(owner, target);
    const args = [id, eventId, event, occurredMs, owner, jobId, batchId, endpointId ?? "", url, payload, receiver];
    const reply = (await run("open-delivery", args)) as [string, ...unknown[]];
    return readDue(reply, 1)[0] ?? null;
  };

  return {
    /** The targets of each event: its job's own URL, and its owner's enabled endpoints, of which each may want it or not. */
    async targetsOf(events: readonly OutboxEvent[]): Promise<WebhookEventTargets[]> {
      const known = events.filter((event) => webhookEventSchema.safeParse(event.type).success);
      if (known.length === 0) return [];
      const owners = Array.from(new Set(known.map((event) => event.owner)));
      const [hooks, ...lists] = await Promise.all([
        guarded(() => redis.mget(known.map((event) => keys.hook(event.jobId || event.batchId)))),
        ...owners.map(listEndpoints),
      ]);
      return known.map((event, index) => {
        const text = hooks[index];
        const hook = typeof text === "string" ? [{ endpointId: null, ...parseHook(text) }] : [];
        const endpoints = (lists[owners.indexOf(event.owner)] ?? []).filter(({ status }) => status === "enabled");
        const wanting = [...hook, ...endpoints.map((endpoint) => ({ endpointId: endpoint.id, ...endpoint }))];
        const targets = wanting.filter(({ events }) => events.some((wanted) => wanted === event.type));
        return { event, targets: targets.map(({ endpointId, url, payload }) => ({ endpointId, url, payload })) };
      });
    },
    /**
     * Opens the delivery of an event to a target; again is legal, and gives its carrier as it is then.
     * @returns null when nothing is to be sent: it is settled, or the job or the endpoint has gone
     */
    openDelivery(event: OutboxEvent, target: WebhookTarget): Promise<DueDelivery | null> {
      const { owner, jobId, batchId } = event;
      const type = webhookEventSchema.parse(event.type);
      // What tells of a response has happened with its job's event.
      const of = isOfResponse(type) ? `${jobId} ${type}` : jobId + batchId;
      const eventId = derivedId("event", occurredMs(event), `${keys.base} ${of} ${event.id}`);
      return open({ eventId, event: type, occurredMs: occurredMs(event), owner, jobId, batchId }, target);
    },
    /** Opens a delivery of an event that tells of no job. */
    async openTest(endpoint: StoredEndpoint | null): Promise<OpenedTest> {
      if (endpoint === null) return { outcome: "gone" };
      if (endpoint.status !== "enabled") return { outcome: "disabled" };
      const nowMs = Date.now();
      const eventId = newId("event", { now: () => nowMs, randomBytes, cell });
      const opening = {
        eventId,
        event: webhookTestEvent,
        occurredMs: nowMs,
        owner: endpoint.owner,
        jobId: "",
        batchId: "",
      } as const;
      const opened = await open(opening, { endpointId: endpoint.id, url: endpoint.url, payload: endpoint.payload });
      return opened === null ? { outcome: "gone" } : { outcome: "scheduled", deliveryId: opened.deliveryId };
    },
  };
}

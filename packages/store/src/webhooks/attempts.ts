import type { DeliveryCarrier } from "@llamero/core";
import { z } from "zod";
import type { RunScript } from "../scripts.ts";
import { type DeliveryFields, deliveryFieldsSchema, type LoggedAttempt } from "./delivery-record.ts";
import { type DueDelivery, readDue } from "./due-delivery.ts";
import { type EndpointSecret, secretsOf } from "./endpoints.ts";
import { parseHook } from "./hook.ts";

/** Most attempts at one receiver that may be under way at a time, over all dispatchers. */
export const ATTEMPTS_PER_RECEIVER = 32;
/** An attempt that was not renewed for this long is taken for lost with its dispatcher, in milliseconds. */
const LEASE_MS = 5_000;
/** How often attempts under way are renewed, in milliseconds: a lost renewal or a pause of seconds does no harm. */
export const RENEW_ATTEMPTS_MS = 1_000;

/** Attempts that one call of a script renews: keeps it below a few milliseconds. */
const RENEW_BATCH = 200;

/** The right to make one attempt. */
export interface DeliveryClaim extends DeliveryFields {
  deliveryId: string;
  /** Which attempt it is, of all that the delivery has seen. */
  number: number;
  begunMs: number;
  /** What signs: the job's own secret, or the endpoint's; none: the deployment's. */
  secrets: EndpointSecret[];
}

export type DeliveryClaimResult =
  | { outcome: "claimed"; claim: DeliveryClaim }
  /** The receiver is at its limit, or its breaker is open: it waits, and no attempt is counted. The first in line needs a carrier. */
  | { outcome: "put_off"; due: DueDelivery[] }
  | { outcome: "gone" | "stale" };

const endpointReply = z.tuple([z.string(), z.string(), z.string().nullable(), z.string().nullable()]);
const flatRecord = z.array(z.string()).transform((list) => {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return Object.fromEntries(pairs);
});

/**
 * Begins an attempt; a delivery whose earlier attempt lost its dispatcher is taken over.
 * @param limit attempts at the receiver that may be under way; at 0 one may, unless its last one was slow
 */
export async function claimDelivery(
  run: RunScript,
  { delivery_id: deliveryId, round }: Pick<DeliveryCarrier, "delivery_id" | "round">,
  limit: number = ATTEMPTS_PER_RECEIVER,
): Promise<DeliveryClaimResult> {
  const reply = (await run("claim-delivery", [deliveryId, round, limit, LEASE_MS])) as [string, ...unknown[]];
  if (reply[0] === "put_off") return { outcome: "put_off", due: readDue(reply, 1) };
  if (reply[0] !== "claimed") return { outcome: reply[1] === "gone" ? "gone" : "stale" };
  const [, number, record, endpoint, hook] = reply;
  const fields = deliveryFieldsSchema.parse(flatRecord.parse(record));
  const claim = { ...fields, deliveryId, number: Number(number), begunMs: fields.begun_ms ?? 0 };
  return { outcome: "claimed", claim: { ...claim, secrets: readSecrets(fields, endpoint, hook) } };
}

function readSecrets(fields: DeliveryFields, endpoint: unknown, hook: unknown): EndpointSecret[] {
  if (fields.endpoint_id !== null) {
    const [, secret, previous_secret, until] = endpointReply.parse(endpoint);
    if (previous_secret === null) return secretsOf({ secret });
    return secretsOf({ secret, previous_secret, previous_until_ms: Number(until) });
  }
  const own = typeof hook === "string" ? parseHook(hook).secret : null;
  return own === null ? [] : [{ secret: own, validUntilMs: null }];
}

/** Says that attempts are under way still. Without it they are written off, and their places given to others. */
export async function renewAttempts(run: RunScript, claims: readonly DeliveryClaim[]): Promise<void> {
  for (let from = 0; from < claims.length; from += RENEW_BATCH) {
    const batch = claims.slice(from, from + RENEW_BATCH);
    await run("renew-attempts", [
      LEASE_MS,
      ...batch.flatMap(({ deliveryId, number, receiver }) => [deliveryId, number, receiver]),
    ]);
  }
}

/** What follows an attempt. `gone`: the receiver wants no more, and its endpoint is disabled. `aborted`: it does not count. */
export type Following = { next: "delivered" | "dead" | "gone" | "aborted" } | { next: "retry"; delayMs: number };

export interface MadeAttempt {
  claim: Pick<DeliveryClaim, "deliveryId" | "number" | "receiver">;
  following: Following;
  entry: LoggedAttempt;
  /** As of `claimDelivery`. */
  limit?: number;
}

export interface RecordResult {
  /** `stale`: somebody has taken the delivery over and logged this attempt as interrupted. */
  outcome: "recorded" | "gone" | "stale";
  /** What has to get a carrier: this delivery's next attempt, and others that waited for this one's end. */
  due: DueDelivery[];
}

/** Ends an attempt: its log entry, the receiver's breaker, and what follows. */
export async function recordAttempt(
  run: RunScript,
  { claim, following, entry, limit = ATTEMPTS_PER_RECEIVER }: MadeAttempt,
): Promise<RecordResult> {
  const { deliveryId, number, receiver } = claim;
  const delayMs = following.next === "retry" ? following.delayMs : 0;
  const args = [deliveryId, number, receiver, following.next, delayMs, entry.latency_ms ?? 0, JSON.stringify(entry), limit];
  const reply = (await run("record-attempt", args)) as [RecordResult["outcome"], ...unknown[]];
  return { outcome: reply[0], due: readDue(reply, 1) };
}

import { type Delivery, type DeliveryAttempt, deliveryEvents, deliveryStatuses, webhookPayloadStyles } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "../keys.ts";

const number = z.string().transform(Number);
const textOrNull = z.string().transform((text) => (text === "" ? null : text));

/** A delivery's hash, with what it is needed for by the dispatcher and by its owner. */
export const deliveryFieldsSchema = z.object({
  owner: z.string(),
  event_id: z.string(),
  event: z.enum(deliveryEvents),
  /** When the event happened. */
  occurred_ms: number,
  job_id: textOrNull,
  batch_id: z
    .string()
    .default("")
    .transform((text) => text || null),
  endpoint_id: textOrNull,
  url: z.string(),
  payload: z.enum(webhookPayloadStyles),
  /** What shares a circuit breaker and a limit with it: the endpoint, or the owner and the origin of the job's URL. */
  receiver: z.string(),
  status: z.enum(deliveryStatuses),
  /** Attempts of this schedule that count. */
  tries: number,
  /** All that were begun. */
  attempts: number,
  due_ms: number,
  created_ms: number,
  /** There while an attempt is under way. */
  begun_ms: number.optional(),
});
export type DeliveryFields = z.output<typeof deliveryFieldsSchema>;

/** An attempt as it lies in the log. */
export const loggedAttemptSchema = z.object({
  number: z.int(),
  at_ms: z.number(),
  status: z.int().nullable(),
  latency_ms: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  response_head: z.string(),
});
export type LoggedAttempt = z.infer<typeof loggedAttemptSchema>;

const time = (ms: number) => new Date(ms).toISOString();

function toAttempt(text: string): DeliveryAttempt {
  const { at_ms, ...attempt } = loggedAttemptSchema.parse(JSON.parse(text));
  return { ...attempt, at: time(at_ms) };
}

export type OwnedDelivery = Delivery & { owner: string };

/** Reads deliveries with their logs, in the order of the ids; null where there is none. */
export async function readDeliveries(redis: Redis, keys: Keys, ids: readonly string[]): Promise<(OwnedDelivery | null)[]> {
  return Promise.all(
    ids.map(async (id) => {
      const [raw, log] = await Promise.all([redis.hgetall(keys.delivery(id)), redis.lrange(keys.attempts(id), 0, -1)]);
      if (raw["owner"] === undefined) return null;
      const fields = deliveryFieldsSchema.parse(raw);
      const isWaiting = fields.status === "pending" && fields.begun_ms === undefined;
      return {
        id,
        object: "delivery",
        owner: fields.owner,
        event_id: fields.event_id,
        event: fields.event,
        job_id: fields.job_id,
        batch_id: fields.batch_id,
        endpoint_id: fields.endpoint_id,
        url: fields.url,
        status: fields.status,
        attempts: log.map(toAttempt),
        next_attempt_at: isWaiting ? time(fields.due_ms) : null,
        created_at: time(fields.created_ms),
      } satisfies OwnedDelivery;
    }),
  );
}

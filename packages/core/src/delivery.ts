import { z } from "zod";
import { jobIdSchema } from "./ids.ts";
import { webhookEvents } from "./webhook.ts";

/** The event of a test that the owner of an endpoint asks for; it tells of no job. */
export const webhookTestEvent = "webhook.test";
export const deliveryEvents = [...webhookEvents, webhookTestEvent] as const;
export type DeliveryEvent = (typeof deliveryEvents)[number];

export const deliveryStatuses = ["pending", "delivered", "dead", "discarded"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];
export const deliveryStatusSchema = z.enum(deliveryStatuses).meta({
  id: "DeliveryStatus",
  description:
    "pending: an attempt is due or under way; dead: every attempt failed and none is left; discarded: its receiver is disabled, deleted or gone.",
});

const deliveryAttemptSchema = z
  .object({
    number: z.int().positive(),
    at: z.iso.datetime(),
    status: z.int().nullable().meta({ description: "HTTP status of the answer; null when none came." }),
    latency_ms: z.number().nonnegative().nullable().meta({ description: "null when the attempt was interrupted." }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    response_head: z.string().meta({ description: "The first kilobyte of the answer's body." }),
  })
  .meta({ id: "DeliveryAttempt" });
export type DeliveryAttempt = z.infer<typeof deliveryAttemptSchema>;

/** One event on its way to one receiver, with the log of its attempts. */
export const deliverySchema = z
  .object({
    id: z.string(),
    object: z.literal("delivery"),
    event_id: z.string().meta({ description: "The header `webhook-id`: the same for every attempt and redelivery." }),
    event: z.enum(deliveryEvents),
    job_id: jobIdSchema.nullable().meta({ description: "null for a test, and for what tells of a batch." }),
    batch_id: z.string().nullable().meta({ description: "The batch that it tells of." }),
    endpoint_id: z.string().nullable().meta({ description: "null for the job's own URL." }),
    url: z.string(),
    status: deliveryStatusSchema,
    attempts: z.array(deliveryAttemptSchema).meta({ description: "The oldest first." }),
    next_attempt_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "Delivery" });
export type Delivery = z.infer<typeof deliverySchema>;

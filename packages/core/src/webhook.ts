import { z } from "zod";

/** Everything that a webhook can tell of a job. */
export const jobEvents = ["job.started", "job.succeeded", "job.failed", "job.cancelled", "job.expired"] as const;
export type JobWebhookEvent = (typeof jobEvents)[number];
export const jobEventSchema = z.enum(jobEvents).meta({ id: "JobWebhookEvent" });

/** What OpenAI's webhooks tell, in OpenAI's form: of responses made in the background, and of batches. */
export const responseEvents = ["response.completed", "response.failed", "response.cancelled", "response.incomplete"] as const;
export const batchEvents = ["batch.completed", "batch.failed", "batch.expired", "batch.cancelled"] as const;
export type OpenAiWebhookEvent = (typeof responseEvents)[number] | (typeof batchEvents)[number];

export const webhookEvents = [...jobEvents, ...responseEvents, ...batchEvents] as const;
export type WebhookEvent = (typeof webhookEvents)[number];
export const webhookEventSchema = z.enum(webhookEvents).meta({ id: "WebhookEvent" });

/** Sent to who names none: how jobs end. */
export const defaultJobEvents: readonly JobWebhookEvent[] = jobEvents.filter((event) => event !== "job.started");
/** Sent to endpoints that name none: how jobs and batches end. A response is a job, of which they are told already. */
export const defaultWebhookEvents: readonly WebhookEvent[] = [...defaultJobEvents, ...batchEvents];

/** How much of the job an event carries. */
export const webhookPayloadStyles = ["full", "thin"] as const;
export type WebhookPayloadStyle = (typeof webhookPayloadStyles)[number];

/** Longest webhook URL, in characters: what common servers and proxies take in a request line. */
export const MAX_WEBHOOK_URL_CHARS = 2048;
/** Standard Webhooks 1.0, "Signature scheme": 192 to 512 bits. */
const SECRET_BYTES = { min: 24, max: 64 };

export const WEBHOOK_SECRET_PREFIX = "whsec_";

/** Base64 is taken in its one canonical form, since receivers' libraries differ in what else they decode. */
function isCanonicalSecret(text: string): boolean {
  const encoded = text.replace(WEBHOOK_SECRET_PREFIX, "");
  const bytes = Buffer.from(encoded, "base64");
  return bytes.length >= SECRET_BYTES.min && bytes.length <= SECRET_BYTES.max && bytes.toString("base64") === encoded;
}

/** A signing secret as text; `packages/webhooks` turns it into one that does not print. */
export const webhookSecretSchema = z
  .string()
  .regex(/^(whsec_)?[A-Za-z0-9+/]{32,86}={0,2}$/, "is not whsec_ and the base64 of 24 to 64 bytes")
  .refine(isCanonicalSecret, "is not whsec_ and the base64 of 24 to 64 bytes")
  .meta({
    description: "`whsec_` and the base64 of 24 to 64 random bytes, for example of `openssl rand -base64 32`.",
    writeOnly: true,
  });

/** Events that a target wants, each once. */
function eventsOf<Event extends z.ZodType<WebhookEvent>>(event: Event) {
  return z
    .array(event)
    .min(1, "is empty")
    .max(webhookEvents.length)
    .refine((events) => new Set(events).size === events.length, "names an event twice")
    .optional();
}

const targetShape = {
  url: z.string().min(1, "is empty").max(MAX_WEBHOOK_URL_CHARS).meta({
    description: "https URL of a public host. Each event is a POST to it.",
    example: "https://example.com/hooks/llamero",
  }),
  payload: z.enum(webhookPayloadStyles).optional().meta({
    description: "full: the job, as `GET /v1/jobs/{id}` shows it; thin: its id and status. Default: full.",
  }),
};

/** The `webhook` field of a submitted job: one URL that is told of this job. */
export const jobWebhookSchema = z
  .strictObject({
    ...targetShape,
    events: eventsOf(jobEventSchema).meta({ description: "Events that are sent. Default: all but `job.started`." }),
    secret: webhookSecretSchema.optional().meta({
      description: "Signs this job's events. Default: the deployment's secret. Never shown again.",
    }),
  })
  .meta({ id: "JobWebhook" });
export type JobWebhook = z.infer<typeof jobWebhookSchema>;

/** The same as the job shows it: defaults filled in, without the secret. */
export const jobWebhookViewSchema = z
  .object({ url: z.string(), events: z.array(jobEventSchema), payload: z.enum(webhookPayloadStyles) })
  .meta({ id: "JobWebhookView" });
export type JobWebhookView = z.infer<typeof jobWebhookViewSchema>;

const description = z.string().max(256);

/** The body of `POST /v1/webhook-endpoints`. */
export const createWebhookEndpointSchema = z
  .strictObject({
    ...targetShape,
    events: eventsOf(webhookEventSchema).meta({
      description: "Events that are sent. Default: how jobs and batches end. `response.*` and `batch.*` have OpenAI's form.",
    }),
    secret: webhookSecretSchema.optional().meta({ description: "Default: one is made and shown once, in the answer." }),
    description: description.optional(),
  })
  .meta({ id: "CreateWebhookEndpoint" });
export type CreateWebhookEndpoint = z.infer<typeof createWebhookEndpointSchema>;

/** The body of `POST /v1/webhook-endpoints/{id}/rotate`. */
export const rotateWebhookSecretSchema = z
  .strictObject({
    secret: webhookSecretSchema.optional().meta({ description: "Default: one is made and shown once, in the answer." }),
    previous_valid_seconds: z.int().min(0).max(604_800).default(86_400).meta({
      description: "Seconds for which events are signed with the previous secret too. Default: a day; at most a week.",
    }),
  })
  .meta({ id: "RotateWebhookSecret" });
export type RotateWebhookSecret = z.infer<typeof rotateWebhookSecretSchema>;

/** Why an endpoint gets nothing: it answered 410, or its owner said so. */
export const webhookDisabledReasons = ["gone", "by_owner"] as const;

/** `open`: nothing is sent for a while; `half_open`: one attempt decides. */
export const breakerStates = ["closed", "open", "half_open"] as const;

/** An endpoint as its owner sees it, without its secrets. */
export const webhookEndpointSchema = z
  .object({
    id: z.string(),
    object: z.literal("webhook_endpoint"),
    url: z.string(),
    events: z.array(webhookEventSchema),
    payload: z.enum(webhookPayloadStyles),
    description: description.nullable(),
    status: z.enum(["enabled", "disabled"]),
    disabled_reason: z.enum(webhookDisabledReasons).nullable(),
    breaker: z
      .object({
        state: z.enum(breakerStates),
        failures: z.int().nonnegative().meta({ description: "Attempts that have failed one after another." }),
        open_until: z.iso.datetime().nullable(),
      })
      .meta({ description: "After 10 failed attempts in a row nothing is sent for a while; then one attempt decides." }),
    previous_secret_valid_until: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "WebhookEndpoint" });
export type WebhookEndpoint = z.infer<typeof webhookEndpointSchema>;

/** What creating an endpoint and rotating its secret answer: the only time that the secret is shown. */
export const webhookEndpointWithSecretSchema = webhookEndpointSchema
  .extend({ secret: z.string().meta({ description: "Shown this once." }) })
  .meta({ id: "WebhookEndpointWithSecret" });
export type WebhookEndpointWithSecret = z.infer<typeof webhookEndpointWithSecretSchema>;

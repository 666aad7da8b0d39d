import {
  type FullWebhook,
  type Job,
  type JobWebhookEvent,
  type OmittableField,
  type OpenAiWebhookEvent,
  omittableFields,
  type ThinWebhook,
  type WebhookPayloadStyle,
} from "@llamero/core";

/** Default limit of a body, in bytes. Standard Webhooks asks for 20 kB or so; most servers take a megabyte. */
const MAX_BYTES = 262_144;

export interface PayloadOptions {
  readonly type: JobWebhookEvent;
  /** When it happened, in milliseconds since the epoch. */
  readonly occurredMs: number;
  readonly job: Job;
  readonly style: WebhookPayloadStyle;
  /** Default: 262144. */
  readonly maxBytes?: number;
}

/** The bytes of an event. Made once per event and sent as they are by every attempt. */
export function buildPayload({ type, occurredMs, job, style, maxBytes = MAX_BYTES }: PayloadOptions): Uint8Array {
  const timestamp = new Date(occurredMs).toISOString();
  if (style === "thin") return encode({ type, timestamp, data: { id: job.id, status: job.status } } satisfies ThinWebhook);
  return encodeFull({ type, timestamp, data: job }, maxBytes);
}

export interface OpenAiEvent {
  /** The same for every attempt. */
  readonly id: string;
  readonly type: OpenAiWebhookEvent;
  /** When it happened, in milliseconds since the epoch. */
  readonly occurredMs: number;
  /** What it tells of. */
  readonly subjectId: string;
}

/** The bytes of an event in OpenAI's form, which names what it tells of and says no more. */
export function buildOpenAiPayload({ id, type, occurredMs, subjectId }: OpenAiEvent): Uint8Array {
  return encode({ id, object: "event", type, created_at: Math.floor(occurredMs / 1_000), data: { id: subjectId } });
}

/** A full event, without the fields that make it too large, which are then to be fetched. */
function encodeFull(event: FullWebhook, maxBytes: number): Uint8Array {
  let body = encode(event);
  const fields: OmittableField[] = [];
  for (const field of omittableFields) {
    if (body.length <= maxBytes) break;
    fields.push(field);
    const nulls = Object.fromEntries(fields.map((name) => [name, null]));
    body = encode({ ...event, data: { ...event.data, ...nulls, omitted: { fields, url: `/v1/jobs/${event.data.id}` } } });
  }
  return body;
}

function encode(event: object): Uint8Array {
  return Buffer.from(JSON.stringify(event));
}

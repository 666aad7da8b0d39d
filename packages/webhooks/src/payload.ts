import {
  type FullWebhook,
  type Job,
  type OmittableField,
  omittableFields,
  type ThinWebhook,
  type WebhookEvent,
  type WebhookPayloadStyle,
} from "@llamero/core";

/** Default limit of a body, in bytes. Standard Webhooks asks for 20 kB or so; most servers take a megabyte. */
const MAX_BYTES = 262_144;

export interface PayloadOptions {
  readonly type: WebhookEvent;
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

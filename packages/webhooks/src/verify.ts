// This file imports nothing but Node's own modules, so that a receiver can copy it.
import { createHmac, timingSafeEqual } from "node:crypto";

/** How far the sender's clock may be from the receiver's, in seconds, both ways: as in the libraries of Standard Webhooks. */
const TOLERANCE_SECONDS = 300;

export type VerificationFailure = "missing_header" | "invalid_header" | "too_old" | "too_new" | "no_match" | "invalid_secret";

/** The request is not to be trusted; answer 400. `reason` says why. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
  readonly reason: VerificationFailure;

  constructor(reason: VerificationFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The headers of `node:http`, of Fetch and Hono, or any plain record, with names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Received {
  /** The body as it came, before any JSON parser. */
  readonly body: string | Uint8Array;
  readonly headers: WebhookHeaders;
  /** `whsec_…`, or several of them while you change from one to another. */
  readonly secrets: string | readonly string[];
  /** Milliseconds since the epoch. Default: now. */
  readonly nowMs?: number;
  /** Default: 300. */
  readonly toleranceSeconds?: number;
}

export interface Verified {
  /** The same for every attempt at one event: remember it, and ignore the event when it comes again. */
  readonly id: string;
  /** When this attempt was sent, in seconds since the epoch. */
  readonly timestamp: number;
}

/**
 * Checks that a request was signed with one of the secrets, and lately: Standard Webhooks 1.0, "Verifying signatures".
 * Comparison takes the same time whatever differs.
 * @throws WebhookVerificationError
 */
export function verifyWebhook(received: Received): Verified {
  const id = header(received.headers, "webhook-id");
  const sentAt = header(received.headers, "webhook-timestamp");
  const signatures = header(received.headers, "webhook-signature");
  const keys = [received.secrets].flat().map(keyOf);
  if (keys.length === 0) fail("invalid_secret", "Give at least one secret.");
  const timestamp = checkTimestamp(sentAt, received);

  const given = signatures.split(" ").map((signature) => Buffer.from(signature));
  let matches = 0;
  for (const key of keys) {
    const hmac = createHmac("sha256", key).update(`${id}.${sentAt}.`).update(received.body);
    const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
    for (const signature of given) matches += sameBytes(signature, expected) ? 1 : 0;
  }
  if (matches === 0) fail("no_match", "No signature matches. Is it the right secret, and the body as it came?");
  return { id, timestamp };
}

function fail(reason: VerificationFailure, message: string): never {
  throw new WebhookVerificationError(reason, message);
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function keyOf(secret: string): Buffer {
  const encoded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : secret;
  const key = Buffer.from(encoded, "base64");
  if (key.length === 0 || key.toString("base64") !== encoded) fail("invalid_secret", "A secret is whsec_ and base64.");
  return key;
}

function checkTimestamp(text: string, { nowMs = Date.now(), toleranceSeconds = TOLERANCE_SECONDS }: Received): number {
  if (!/^\d{1,12}$/.test(text)) fail("invalid_header", "webhook-timestamp is not a number of seconds.");
  const timestamp = Number(text);
  const now = Math.floor(nowMs / 1000);
  if (timestamp < now - toleranceSeconds) fail("too_old", "webhook-timestamp is too old.");
  if (timestamp > now + toleranceSeconds) fail("too_new", "webhook-timestamp is too far in the future.");
  return timestamp;
}

/** The one value of a header. Two values are refused: which of them another reader takes cannot be known. */
function header(headers: WebhookHeaders, name: string): string {
  const values = isGetter(headers) ? [headers.get(name)] : valuesOf(headers, name);
  const [value, second] = values.filter((each) => typeof each === "string" && each !== "");
  if (typeof value !== "string") fail("missing_header", `${name} is missing.`);
  if (second !== undefined) fail("invalid_header", `${name} is there more than once.`);
  return value;
}

function isGetter(headers: WebhookHeaders): headers is { get(name: string): string | null | undefined } {
  return typeof headers["get"] === "function";
}

function valuesOf(headers: Exclude<WebhookHeaders, { get(name: string): unknown }>, name: string): (string | undefined)[] {
  return Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value);
}

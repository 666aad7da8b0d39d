import { createHmac } from "node:crypto";
import { AppError } from "@llamero/core";
import type { SigningSecrets } from "./secret.ts";

/** No full stop, which separates the signed parts: an id with one could shift bytes between them. */
const SAFE_ID = /^[\w-]{1,128}$/;

export interface Unsigned {
  /** The event's id, the same for every attempt: receivers tell repeats by it. */
  readonly id: string;
  /** The bytes that will be sent. */
  readonly body: Uint8Array;
  readonly secrets: SigningSecrets;
  /** When the attempt is made, in milliseconds since the epoch. */
  readonly nowMs: number;
}

export interface SignedHeaders {
  readonly "webhook-id": string;
  /** Seconds since the epoch. */
  readonly "webhook-timestamp": string;
  /** `v1,<base64>` for each secret, separated by a space. */
  readonly "webhook-signature": string;
}

/**
 * The headers of one attempt: Standard Webhooks 1.0, "Webhook headers".
 * @throws AppError `internal_error` for an id that could not be signed safely
 */
export function signHeaders({ id, body, secrets, nowMs }: Unsigned): SignedHeaders {
  if (!SAFE_ID.test(id)) throw new AppError("internal_error", "An event id has letters, digits, - and _ only.");
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = secrets.map((secret) => {
    const hmac = createHmac("sha256", secret.bytes()).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

import type { Submitter } from "../accept-job.ts";
import type { GrpcCall } from "./calls.ts";

/** @param idempotencyKey the message's own, which goes before that of the call; null without one */
export function submitter({ caller, metadata }: GrpcCall, idempotencyKey: string | null): Submitter {
  const get = (name: string) => (idempotencyKey !== null && name === "idempotency-key" ? idempotencyKey : metadata.get(name));
  return { owner: caller.owner, key: caller.key, headers: { get } };
}

/** Puts headers of an answer into its metadata. */
export function tell(metadata: Headers, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
}

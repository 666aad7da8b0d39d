import { createHash } from "node:crypto";
import { AppError } from "@llamero/core";
import { canonicalJson } from "./canonical-json.ts";

const KEY = /^[\x21-\x7e]{1,255}$/;

const digest = (text: string) => createHash("sha256").update(text).digest("base64url");

/** Under which key a call is the same as an earlier one, and what it asks for; digests both. */
export interface Idempotency {
  key: string;
  bodyHash: string;
}

/** What a call says about itself. */
export type HeaderReader = Pick<Headers, "get">;

/** The header `Idempotency-Key`. @throws AppError `invalid_request` for a key that is not 1 to 255 visible ASCII characters */
export function idempotencyKey(headers: HeaderReader): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || KEY.test(key)) return key;
  throw new AppError("invalid_request", "Idempotency-Key must be 1 to 255 visible ASCII characters.", {
    param: "Idempotency-Key",
  });
}

/**
 * What the header `Idempotency-Key` says; null without it.
 * @param asked all that the call asks for, as JSON has it
 * @param part which of several things of one call it is
 * @throws AppError as `idempotencyKey`
 */
export function idempotencyOf(headers: HeaderReader, asked: unknown, part = ""): Idempotency | null {
  const key = idempotencyKey(headers);
  if (key === null) return null;
  return { key: digest(key + part), bodyHash: digest(canonicalJson(asked)) };
}

/** @param other what was asked for with the same key before, as in `job job_…` */
export function idempotencyConflict(other: string): AppError {
  return new AppError("idempotency_conflict", `This Idempotency-Key was used with another body, for ${other}.`, {
    param: "Idempotency-Key",
  });
}

import { AppError } from "@llamero/core";
import { MAX_WAIT_SECONDS } from "./wait-for-job.ts";

const WAIT = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i;

/**
 * Milliseconds that `Prefer: wait=N` (RFC 7240) asks for, capped; 0 without it. Other preferences are ignored, as the RFC
 * says.
 */
export function preferredWaitMs(header: string | null): number {
  const seconds = WAIT.exec(header ?? "")?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** @throws AppError `invalid_request` for a key that is not 1 to 255 visible ASCII characters */
export function idempotencyKey(header: string | null): string | null {
  if (header === null) return null;
  if (!KEY.test(header))
    throw new AppError("invalid_request", "Idempotency-Key must be 1 to 255 visible ASCII characters.", {
      param: "Idempotency-Key",
    });
  return header;
}

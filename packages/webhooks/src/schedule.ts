import type { AttemptOutcome } from "./outcome.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Milliseconds before each attempt, the first at once: Standard Webhooks 1.0, "Deliverability and reliability". */
export const retrySchedule = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

/** Every delay grows by up to this part of it, by chance, so that what failed together does not come back together. */
const JITTER = 0.2;
/**
 * The longest `Retry-After` that is honoured, in milliseconds. With it at every step the last attempt comes after 156 hours at
 * most: within the week for which jobs are kept by default.
 */
export const MAX_RETRY_AFTER_MS = 12 * HOUR;

export interface AttemptMade {
  /** Which attempt it was, from 1. */
  readonly attempt: number;
  readonly outcome: AttemptOutcome;
  /** What the receiver asked for; null: nothing. */
  readonly retryAfterMs: number | null;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** `dead`: no attempt is left. `disable`: the receiver wants nothing more at this URL, this event included. */
export type NextAttempt = { next: "none" } | { next: "retry"; delayMs: number } | { next: "dead" } | { next: "disable" };

/** Decides what follows an attempt. The delay is never shorter than the schedule's, nor than what the receiver asked for. */
export function nextAttempt({ attempt, outcome, retryAfterMs, random }: AttemptMade): NextAttempt {
  if (outcome === "delivered") return { next: "none" };
  if (outcome === "gone") return { next: "disable" };
  const scheduled = retrySchedule[attempt];
  if (scheduled === undefined) return { next: "dead" };
  const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  return { next: "retry", delayMs: Math.round(Math.max(scheduled, asked) * (1 + JITTER * random())) };
}

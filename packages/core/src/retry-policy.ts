import type { ErrorCode } from "./errors.ts";

/**
 * What a record counts besides its attempts, by whose fault they ended: `lost` = its worker vanished, in a row and before a new token
 * was stored, `crashes` = the engine process ended while it ran, `failures` = the engine could not finish it, `backend` = the server that
 * it was sent to could not, `preempted` = its slot went to a job of class `high`. Another hand-back counts as none of them.
 */
export const attemptCounts = ["lost", "crashes", "failures", "backend", "preempted"] as const;
export type AttemptCount = (typeof attemptCounts)[number];
export type AttemptCounts = Record<AttemptCount, number>;

export interface RetryRule {
  /** The count that this error raises; null: it says nothing about the job. */
  readonly countsAs: AttemptCount | null;
  /** The count at which the job fails with this error. */
  readonly limit: number;
  /** What was emitted is given up, and the next attempt begins anew. Default: it goes on. */
  readonly startsAnew?: boolean;
}

/**
 * Crashes, and failures, after which a job is suspected: its next attempt has the engine for itself. One crash takes every job of
 * the engine with it, and one failed decode every job of its batch, so the first says little; the second leaves few suspects; a
 * third, alone, is proof.
 */
export const TIMES_BEFORE_ALONE = 2;

/** How often a job gives its slot to a more urgent one; then it keeps it, so that it ends however many of those come. */
export const MOST_PREEMPTIONS = 3;

/** Which errors of an attempt lead to another one. An error that is not named here ends the job at once. */
export const retryPolicy = {
  // Its worker is hardly ever brought down by a job, since models run in processes of their own: bad luck takes most of these.
  worker_lost: { countsAs: "lost", limit: 10 },
  engine_crashed: { countsAs: "crashes", limit: TIMES_BEFORE_ALONE + 1 },
  engine_failed: { countsAs: "failures", limit: TIMES_BEFORE_ALONE + 1 },
  // The server is away, or takes no more: its breaker opens, and the job waits for as long as that takes.
  backend_unavailable: { countsAs: null, limit: Number.POSITIVE_INFINITY },
  backend_failed: { countsAs: "backend", limit: 3 },
  backend_diverged: { countsAs: "backend", limit: 3, startsAnew: true },
  engine_restarted: { countsAs: null, limit: Number.POSITIVE_INFINITY },
  redis_unavailable: { countsAs: null, limit: Number.POSITIVE_INFINITY },
  redis_memory_full: { countsAs: null, limit: Number.POSITIVE_INFINITY },
} as const satisfies Partial<Record<ErrorCode, RetryRule>>;

const rules: Partial<Record<ErrorCode, RetryRule>> = retryPolicy;

export type RetryDecision = { retry: true; countsAs: AttemptCount | null; startsAnew: boolean } | { retry: false };

/** Decides what follows an attempt that ended with an error. @param counts as they were when the attempt began */
export function decideRetry(code: ErrorCode, counts: AttemptCounts): RetryDecision {
  const rule = rules[code];
  if (rule === undefined) return { retry: false };
  const { countsAs, limit, startsAnew = false } = rule;
  if (countsAs !== null && counts[countsAs] + 1 >= limit) return { retry: false };
  return { retry: true, countsAs, startsAnew };
}

const BACKEND: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["backend_unavailable", "backend_failed"]);
const ENGINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["engine_crashed", "engine_failed"]);

/**
 * Whether an attempt that ended so is counted against its model, whose breaker opens when there are many. An engine that has crashed is
 * replaced, and takes others with it who are not to blame: only the job that it ends counts.
 */
export function blamesModel(code: ErrorCode, isLast: boolean): boolean {
  return BACKEND.has(code) || (isLast && ENGINE.has(code));
}

/** True when the next attempt is to have the engine for itself. */
export function runsAlone({ crashes, failures }: AttemptCounts): boolean {
  return Math.max(crashes, failures) >= TIMES_BEFORE_ALONE;
}

/** What the number of workers of a queue follows from. */
export interface Load {
  /** Tokens, of prompts and completions, that waiting jobs are expected to cost. */
  waitingTokens: number;
  runningJobs: number;
  /** Tokens of the jobs that ended of late, a second: what keeps coming, or all that the workers can do. */
  servedTokensPerSecond: number;
  /** Slots of one worker; null where none was ever heard of. */
  slots: number | null;
  /** Milliseconds that a job takes in its slot for each of its tokens; null where none has ended yet. */
  tokenMs: number | null;
}

export interface ScaleLimits {
  /** For how long a job may wait, in seconds. */
  targetSeconds: number;
  min: number;
  max: number;
}

export interface Scale {
  desired: number;
  /** What one worker does with all its slots in use; null: not known yet. */
  tokensPerSecondPerWorker: number | null;
}

/**
 * How many workers a queue needs: for what keeps coming, and for what waits to be done within the target. What runs keeps its workers.
 * While nothing is known of them, one is enough to find out.
 */
export function scaleOf(load: Load, { targetSeconds, min, max }: ScaleLimits): Scale {
  const { waitingTokens, runningJobs, servedTokensPerSecond, slots, tokenMs } = load;
  const rate = slots === null || tokenMs === null || tokenMs === 0 ? null : (slots * 1_000) / tokenMs;
  const hasWork = waitingTokens > 0 || runningJobs > 0;
  const forTokens = rate === null ? 0 : (servedTokensPerSecond + waitingTokens / targetSeconds) / rate;
  const forRunning = slots === null ? 0 : runningJobs / slots;
  const needed = Math.max(Math.ceil(forTokens), Math.ceil(forRunning), hasWork ? 1 : 0);
  return { desired: Math.min(max, Math.max(min, needed)), tokensPerSecondPerWorker: rate };
}

/**
 * The number of workers over time: more at once, fewer when fewer have been enough for a while, so that a pause between two batches stops
 * none.
 */
export class ScaleDown {
  readonly #afterMs: number;
  readonly #seen: { desired: number; atMs: number }[] = [];

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** @returns the most that was desired in that time */
  next(desired: number, nowMs: number): number {
    while (this.#seen.length > 0 && nowMs - (this.#seen[0]?.atMs ?? nowMs) > this.#afterMs) this.#seen.shift();
    // What was less before a greater one is never the most again.
    while (this.#seen.length > 0 && (this.#seen.at(-1)?.desired ?? 0) <= desired) this.#seen.pop();
    this.#seen.push({ desired, atMs: nowMs });
    return this.#seen[0]?.desired ?? desired;
  }
}

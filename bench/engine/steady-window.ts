import type { JobTrace } from "./contestant.ts";

/** The time in which every slot is busy and the slots are at different points of their jobs. */
export interface SteadyWindow {
  fromMs: number;
  toMs: number;
}

/**
 * From the end of the last warm-up job to the start of the last job of all: before, slots run in step; after, they run empty.
 * @throws Error when there were too few jobs for such a time
 */
export function steadyWindow(warmUp: readonly JobTrace[], jobs: readonly JobTrace[]): SteadyWindow {
  const fromMs = Math.max(...warmUp.map((trace) => trace.endedAtMs));
  const toMs = Math.max(...jobs.map((trace) => trace.startedAtMs));
  if (!(toMs > fromMs)) throw new Error("too few jobs: the last one started before every slot was past its warm-up");
  return { fromMs, toMs };
}

/** Tokens that came within the window, taking a job's tokens as evenly spread from its first to its end. */
export function tokensWithin(traces: readonly JobTrace[], { fromMs, toMs }: SteadyWindow): number {
  let sum = 0;
  for (const { firstTokenAtMs, endedAtMs, completionTokens } of traces) {
    const tokenMs = (endedAtMs - firstTokenAtMs) / Math.max(1, completionTokens - 1);
    for (let index = 0; index < completionTokens; index++) {
      const atMs = firstTokenAtMs + index * tokenMs;
      if (atMs >= fromMs && atMs < toMs) sum++;
    }
  }
  return sum;
}

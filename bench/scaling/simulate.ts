import { ScaleDown, type ScaleLimits, scaleOf } from "@llamero/core";
import type { LoadStep } from "./recorded-load.ts";

/** How the simulated workers are, and how they are scaled. */
export interface Simulated extends ScaleLimits {
  slots: number;
  /** Milliseconds that a job takes in its slot for each of its tokens. */
  tokenMs: number;
  /** From the decision for a worker until it takes jobs. */
  startSeconds: number;
  downAfterSeconds: number;
  lookEverySeconds: number;
}

export interface SimulatedSecond {
  workers: number;
  desired: number;
  waiting: number;
  arrived: number;
}

export interface Simulation {
  seconds: SimulatedSecond[];
  /** Of each job, in seconds. */
  waits: number[];
  workerSeconds: number;
}

interface WaitingJob {
  atSecond: number;
  tokens: number;
}

/**
 * Over how long what has ended is averaged, and after how long without an end there is no rate, in seconds: as a queue's rate is
 * (packages/store/src/drain-rate.ts).
 */
const AVERAGED_SECONDS = 60;

/** Runs a load through the decisions of the scaling signal, second by second. */
export function simulate(load: readonly LoadStep[], options: Simulated): Simulation {
  const { slots, tokenMs, startSeconds, downAfterSeconds, lookEverySeconds } = options;
  const down = new ScaleDown(downAfterSeconds * 1_000);
  const waiting: WaitingJob[] = [];
  /** Second at which each running job ends, and what it has cost. */
  let running: { endsAt: number; tokens: number }[] = [];
  const startingAt: number[] = [];
  let workers = 0;
  let served = 0;
  let lastEndAt = 0;
  let desired = 0;
  const result: Simulation = { seconds: [], waits: [], workerSeconds: 0 };
  for (let second = 0; second < load.length || waiting.length + running.length > 0; second++) {
    const arrived = load[second] ?? { requests: 0, tokens: 0 };
    const each = arrived.requests === 0 ? 0 : arrived.tokens / arrived.requests;
    for (let job = 0; job < arrived.requests; job++) waiting.push({ atSecond: second, tokens: each });
    while (startingAt.length > 0 && (startingAt[0] ?? second) <= second) {
      startingAt.shift();
      workers++;
    }
    const ended = running.filter(({ endsAt }) => endsAt <= second);
    running = running.filter(({ endsAt }) => endsAt > second);
    const tokens = ended.reduce((sum, job) => sum + job.tokens, 0);
    if (ended.length > 0) lastEndAt = second;
    served = second - lastEndAt > AVERAGED_SECONDS ? 0 : served * Math.exp(-1 / AVERAGED_SECONDS) + tokens / AVERAGED_SECONDS;
    while (running.length < workers * slots) {
      const job = waiting.shift();
      if (job === undefined) break;
      result.waits.push(second - job.atSecond);
      running.push({ endsAt: second + (job.tokens * tokenMs) / 1_000, tokens: job.tokens });
    }
    if (second % lookEverySeconds === 0) {
      const waitingTokens = waiting.reduce((sum, job) => sum + job.tokens, 0);
      const seen = { waitingTokens, runningJobs: running.length, servedTokensPerSecond: served, slots, tokenMs };
      desired = down.next(scaleOf(seen, options).desired, second * 1_000);
      while (workers + startingAt.length < desired) startingAt.push(second + startSeconds);
      while (startingAt.length > 0 && workers + startingAt.length > desired) startingAt.pop();
      // One that is stopped hands its jobs on; here it ends them.
      workers = Math.max(Math.min(workers, Math.max(desired, Math.ceil(running.length / slots))), 0);
    }
    result.workerSeconds += workers + startingAt.length;
    result.seconds.push({ workers, desired, waiting: waiting.length, arrived: arrived.requests });
  }
  return result;
}

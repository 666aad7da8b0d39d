import type { GpuChoice } from "@llamero/engine";

/** What all contestants get alike. */
export interface Course {
  /** The model's file. */
  path: string;
  slots: number;
  /** Tokens that a slot holds. */
  contextSize: number;
  /** Threads that decode, per context; null: our engine chooses, the others take every core. */
  threads: number | null;
  /** Contexts that our engine spreads the slots over; null: it chooses. */
  contexts: number | null;
  /** Folder in which our engine keeps what it has chosen, so that alone and behind the queue it runs the same way. */
  dataDir: string;
  gpu: GpuChoice;
}

export interface BenchJob {
  /** Unique within a run of the benchmark. */
  id: string;
  prompt: string;
  maxTokens: number;
}

/** How one job went; times are milliseconds since the epoch, on one machine. */
export interface JobTrace {
  promptTokens: number;
  completionTokens: number;
  /** The job had its slot. */
  startedAtMs: number;
  firstTokenAtMs: number;
  endedAtMs: number;
}

/** What an engine counts since it started. */
export interface Counters {
  /** Sequences that took part in the steps so far. */
  occupied: number;
  /** Sequences that could have taken part in the steps: one for each slot and step. */
  capacity: number;
}

/** A way to run jobs, ready to be measured. */
export interface Contestant {
  readonly name: string;
  /** How it runs: contexts, threads. */
  readonly layout: string;
  /** Processes whose CPU time and memory count as its own, with all their descendants. */
  readonly pids: readonly number[];
  /** The Node process that each token passes through; null: there is none. */
  readonly loopPid: number | null;
  /** Jobs to hand over at once: enough that a slot that becomes free finds the next job waiting. */
  readonly inFlight: number;
  /** Rounds that it takes part in, the first ones; absent: all. */
  readonly mostRounds?: number;
  /** Rejects when one of its processes ends by itself. */
  readonly failed: Promise<never>;
  run(job: BenchJob): Promise<JobTrace>;
  /** Null: it does not count. */
  counters(): Promise<Counters | null>;
  close(): Promise<void>;
}

/** Milliseconds since the epoch, with fractions. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

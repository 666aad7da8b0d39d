/** What the thread of the operators' port is started with. */
export interface OpsThreadData {
  host: string;
  port: number;
  /** Null: there is no profiling. */
  profilingToken: string | null;
  /** From when on an event loop that has not turned counts as stuck, in milliseconds. */
  stuckMs: number;
  /** One number: when the main thread's event loop has turned last, in milliseconds since the epoch. */
  turnedAt: BigInt64Array;
}

/** What the thread asks the main thread for. */
export interface OpsQuestion {
  id: number;
  what: "readyz" | "metrics";
}

export interface OpsAnswer {
  id: number;
  status: number;
  contentType: string;
  body: string;
}

/** How the start of the thread's server went. */
export type OpsStarted = { type: "listening"; port: number } | { type: "failed"; code: string; message: string };

import type { ProcessName } from "../setting.ts";

/** Bounds of histograms, in seconds. */
export const buckets = {
  /** From a call on this machine to what a client gives up on. */
  call: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  /** From a job that is taken at once to one that waits over night. */
  wait: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200],
  /** From a GPU's token to a large model's on a CPU. */
  token: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5],
} as const;

/** A metric: what it is called in Prometheus is its key in the table. */
export interface Metric {
  type: "counter" | "gauge" | "histogram";
  help: string;
  /** Each of few values: none is a job, a caller or an address. */
  labels: readonly string[];
  /** Of histograms. */
  buckets?: readonly number[];
  exportedBy: readonly ProcessName[];
}

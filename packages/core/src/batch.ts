/** The life of a batch, as OpenAI names it. */
export const batchStatuses = [
  "validating",
  "failed",
  "in_progress",
  "finalizing",
  "completed",
  "expired",
  "cancelling",
  "cancelled",
] as const;
export type BatchStatus = (typeof batchStatuses)[number];

/** How a batch can end. */
export const batchEndings = ["completed", "failed", "expired", "cancelled"] as const satisfies readonly BatchStatus[];
export type BatchEnding = (typeof batchEndings)[number];

/** What is wrong with a batch's input. `line` counts from 1. */
export interface BatchError {
  code: string;
  message: string;
  param: string | null;
  line: number | null;
}

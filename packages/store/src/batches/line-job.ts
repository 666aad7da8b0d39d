import { createHash } from "node:crypto";
import { type JobRequest, newId } from "@llamero/core";
import type { Reuse } from "../reuse/reuse.ts";
import type { JobRoute } from "../routing.ts";

/** A job that a line of a batch asks for. */
export interface LineJob {
  id: string;
  slug: string;
  /** The name of its model. */
  model: string;
  request: JobRequest;
  metadata: Record<string, string> | null;
  /** Where the line has several jobs: its number, and how many. */
  line: { number: number; jobs: number } | null;
  /** The way that it takes where it has asked for an alias; null: it has not. */
  route: JobRoute | null;
  /** How it may be answered by what others were answered. Default: null, not at all. */
  reuse?: Reuse | null;
}

/**
 * The id of a line's job: the same whoever makes it, so that no line is taken in twice. It sorts by when the batch was made.
 * @param part which of the line's jobs, from 0
 */
export function lineJobId(batch: { id: string; createdMs: number; cell: number }, line: number, part: number): string {
  const digest = createHash("sha256").update(`${batch.id} ${line} ${part}`).digest();
  return newId("job", { now: () => batch.createdMs, randomBytes: (size) => digest.subarray(0, size), cell: batch.cell });
}

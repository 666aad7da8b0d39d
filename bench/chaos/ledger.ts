import type { Job } from "@llamero/core";
import type { Reading } from "./follow-job.ts";
import type { PlannedJob } from "./job-plan.ts";

/** A job that was accepted, and everything that its clients have seen of it. */
export interface Entry {
  planned: PlannedJob;
  /** What the API has given for the job's Idempotency-Key: one id, however often it was asked. */
  ids: Set<string>;
  id: string;
  /** The job as it was told after its end, by answers, events and webhooks. */
  endings: Job[];
  wasCancelled: boolean;
  reading: Reading | null;
}

/** What clients know: every job that was accepted. */
export class Ledger {
  readonly entries: Entry[] = [];

  note(planned: PlannedJob, job: Job): Entry {
    const entry: Entry = { planned, ids: new Set([job.id]), id: job.id, endings: [], wasCancelled: false, reading: null };
    this.entries.push(entry);
    this.see(entry, job);
    return entry;
  }

  see(entry: Entry, job: Job): void {
    if (job.finished_at !== null) entry.endings.push(job);
  }
}

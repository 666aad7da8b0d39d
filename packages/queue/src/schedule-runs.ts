import type { Job, JobsOptions } from "bullmq";
import { z } from "zod";

/** A run that cannot be started is tried again, the first time after a second, then after twice as long each time: for four minutes. */
const ATTEMPTS = 9;
const BACKOFF_MS = 1_000;

export const runOptions: JobsOptions = {
  attempts: ATTEMPTS,
  backoff: { type: "exponential", delay: BACKOFF_MS },
  removeOnComplete: true,
  removeOnFail: true,
};

/** The names of a run's BullMQ job: it was asked for, or came by its time. */
export const ASKED = "asked";
export const BY_TIME = "by_time";

const dataSchema = z.object({ v: z.literal(1), schedule_id: z.string() });

export function runData(scheduleId: string): z.infer<typeof dataSchema> {
  return { v: 1, schedule_id: scheduleId };
}

/** A run that falls due. */
export interface DueRun {
  scheduleId: string;
  /** For when it was, in milliseconds since the epoch. */
  atMs: number;
  /** It was asked for, and did not come by its time. */
  isAsked: boolean;
  /** There is no further attempt. */
  isLast: boolean;
}

/** The id of what a job scheduler makes ends in the time that it is for: `repeat:ID:TIME`. */
export function toRun(job: Job): DueRun {
  const { schedule_id } = dataSchema.parse(job.data);
  const time = Number(job.id?.split(":").at(-1));
  const isAsked = job.name === ASKED;
  return { scheduleId: schedule_id, atMs: isAsked ? job.timestamp : time, isAsked, isLast: job.attemptsMade + 1 >= ATTEMPTS };
}

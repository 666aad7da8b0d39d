import { DispatcherWorker, type PullOptions } from "./dispatcher-worker.ts";
import { SCHEDULE_QUEUE } from "./queue-names.ts";
import { type DueRun, toRun } from "./schedule-runs.ts";

export interface ScheduleConsumerOptions extends PullOptions {
  /** Resolves when the run is through with. A rejection is reported, and the run is tried again later, but for the last time. */
  handle: (run: DueRun) => Promise<void>;
}

/** The consumer's end: runs that fall due. */
export class ScheduleConsumer extends DispatcherWorker {
  constructor({ handle, ...options }: ScheduleConsumerOptions) {
    super(SCHEDULE_QUEUE, async (job) => handle(toRun(job)), options);
  }
}

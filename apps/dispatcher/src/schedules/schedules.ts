import type { Logger } from "@llamero/process";
import { ScheduleConsumer, type ScheduleConsumerOptions, type ScheduleTimers } from "@llamero/queue";
import type { Store } from "@llamero/store";
import { startLoop } from "../repeat.ts";
import { type RunOptions, runSchedule } from "./run-schedule.ts";

/** How often timers that are missing are looked for, in milliseconds. */
const REPAIR_EVERY_MS = 30_000;

export interface SchedulesOptions extends RunOptions {
  timers: ScheduleTimers;
  /** A connection of the role `blocking`. */
  connection: ScheduleConsumerOptions["connection"];
  logger: Logger;
  /** The pulling ended by itself. */
  onStopped: (error: unknown) => void;
}

/** Runs what falls due, and starts timers that are missing. Several dispatchers may do so beside each other. */
export function startSchedules({ store, settings, hooks, carriers, timers, connection, logger, onStopped }: SchedulesOptions): {
  stop(): Promise<void>;
} {
  const consumer = new ScheduleConsumer({
    connection,
    keys: store.keys,
    handle: async (run) => {
      const became = await runSchedule({ store, settings, hooks, carriers }, run);
      if (became === null) return;
      const { outcome, startedId, error } = became;
      const told = { schedule_id: run.scheduleId, outcome, started: startedId };
      if (outcome === "failed") logger.warn({ ...told, reason: error }, "schedule could not run");
      else logger.debug(told, "schedule fell due");
    },
    onError: (error) => logger.warn({ err: error }, "schedule failed to run; it is tried again"),
  });
  consumer.start(onStopped);
  const repair = startLoop({
    pauseMs: REPAIR_EVERY_MS,
    pass: () => startMissing(store, timers),
    onError: (error) => logger.warn({ err: error }, "timers of schedules not looked at; the next look follows"),
  });
  return {
    stop: async () => {
      await Promise.all([repair.stop(), consumer.close()]);
    },
  };
}

/** Timers that were never started, or were lost: an API process died in between, or Redis lost its last writes. */
async function startMissing(store: Store, timers: ScheduleTimers): Promise<void> {
  for (const id of await store.schedules.all()) {
    const schedule = await store.schedules.get({ id });
    if (schedule === null || schedule.isPaused || (await timers.isStarted(id))) continue;
    await timers.start(id, schedule);
  }
}

import type { Keys } from "@llamero/store";
import type { ConnectionOptions, Queue } from "bullmq";
import type { Timing } from "./next-runs.ts";
import { asRedis, openQueue } from "./open-queue.ts";
import { SCHEDULE_QUEUE } from "./queue-names.ts";
import { ASKED, BY_TIME, runData, runOptions } from "./schedule-runs.ts";

/** The producer's end: BullMQ's job schedulers, one for each schedule that is not paused. */
export class ScheduleTimers {
  readonly #queue: Queue;

  /** @param connection of the role `commands` or `worker`; it stays the caller's */
  constructor({ connection, keys }: { connection: ConnectionOptions; keys: Keys }) {
    this.#queue = openQueue(SCHEDULE_QUEUE, { connection, prefix: keys.queues });
  }

  /** Lets a schedule fall due from now on; again is legal. @throws AppError `redis_unavailable` */
  async start(scheduleId: string, { cron, timezone }: Timing): Promise<void> {
    await asRedis(() =>
      this.#queue.upsertJobScheduler(
        scheduleId,
        { pattern: cron, tz: timezone },
        { name: BY_TIME, data: runData(scheduleId), opts: runOptions },
      ),
    );
  }

  async isStarted(scheduleId: string): Promise<boolean> {
    return (await asRedis(() => this.#queue.getJobScheduler(scheduleId))) !== undefined;
  }

  /** Lets it fall due no more. */
  async stop(scheduleId: string): Promise<void> {
    await asRedis(() => this.#queue.removeJobScheduler(scheduleId));
  }

  /** Runs a schedule once, now. */
  async ask(scheduleId: string): Promise<void> {
    await asRedis(() => this.#queue.add(ASKED, runData(scheduleId), runOptions));
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}

import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "@llamero/testkit";
import type { Deployment } from "./deployment.ts";
import type { Planned } from "./schedule.ts";

/** How often it looks whether the next disturbance is due, in milliseconds. */
const LOOK_EVERY_MS = 50;

export interface ConductorOptions {
  deployment: Deployment;
  schedule: readonly Planned[];
  random: Random;
  /** Share of the jobs that have ended. */
  progress: () => number;
  log: (line: string) => void;
}

/** Makes the disturbances of a schedule as their time comes, and knows when there were any. */
export class Conductor {
  readonly #options: ConductorOptions;
  readonly #startedAt = performance.now();
  /** From when to when something was wrong. */
  readonly #wrong: { from: number; to: number }[] = [];
  /** What was done, and when, in words. */
  readonly done: string[] = [];
  /** How often each was done. */
  readonly counts: Record<string, number> = {};
  #redisIsRight: Promise<void> = Promise.resolve();

  constructor(options: ConductorOptions) {
    this.#options = options;
  }

  /** Resolves when all has been done and all is right again. */
  async run(signal: AbortSignal): Promise<void> {
    const { schedule, progress } = this.#options;
    const underWay: Promise<void>[] = [];
    for (const planned of schedule) {
      while (progress() < planned.at) await pause(LOOK_EVERY_MS, null, { signal });
      underWay.push(this.#make(planned));
    }
    await Promise.all(underWay);
  }

  /** Whether nothing of the schedule was wrong in this time. */
  wasQuiet(from: number, to: number): boolean {
    return this.#wrong.every((each) => each.to < from || each.from > to);
  }

  async #make({ disturbance }: Planned): Promise<void> {
    const { deployment, random, log } = this.#options;
    const isRight = Promise.withResolvers<void>();
    if (disturbance.isOfRedis === true) {
      const before = this.#redisIsRight;
      this.#redisIsRight = isRight.promise;
      await before;
    }
    const time = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.#wrong.push(time);
    try {
      const what = await disturbance.make(deployment, random);
      this.counts[disturbance.name] = (this.counts[disturbance.name] ?? 0) + 1;
      const line = `${((time.from - this.#startedAt) / 1_000).toFixed(1)} s: ${disturbance.name}: ${what}`;
      this.done.push(line);
      log(line);
    } finally {
      time.to = performance.now();
      isRight.resolve();
    }
  }
}

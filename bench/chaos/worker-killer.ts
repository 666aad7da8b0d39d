import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "@llamero/testkit";
import type { Deployment } from "./deployment.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** How often interrupted jobs are looked at, in milliseconds: as exact as recovery is measured. */
const LOOK_EVERY_MS = 20;

/** On a machine that takes longer to start a worker than it is to live, it lives this long: else none would ever run a job. */
const LIVES_AT_LEAST_MS = 1_000;

/** A job whose worker was killed. */
export interface Recovery {
  killedAt: number;
  /** When another attempt had begun, by the clock of `performance.now`. */
  runningAt: number;
}

interface Interrupted {
  id: string;
  fence: string;
  killedAt: number;
}

/** Kills a random worker again and again, and measures when the jobs that it had run again. */
export class WorkerKiller {
  readonly recoveries: Recovery[] = [];
  kills = 0;
  readonly #deployment: Deployment;
  readonly #random: Random;
  readonly #everyMs: number;
  readonly #interrupted = new Map<string, Interrupted>();

  constructor(deployment: Deployment, random: Random, everyMs: number) {
    this.#deployment = deployment;
    this.#random = random;
    this.#everyMs = everyMs;
  }

  /** Kills until the signal comes, and watches until then. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#kill(signal), this.#watch(signal)]);
  }

  async #kill(signal: AbortSignal): Promise<void> {
    for (let nextAt = performance.now(); ; ) {
      nextAt += this.#everyMs;
      await pause(Math.max(0, nextAt - performance.now()), null, { signal }).catch(() => {});
      if (signal.aborted) return;
      const [first, ...others] = this.#deployment.of("worker").filter(({ age }) => age > LIVES_AT_LEAST_MS);
      if (first !== undefined) await this.#strike(this.#random.pick([first, ...others]));
    }
  }

  async #strike(worker: ManagedProcess): Promise<void> {
    const { pid } = worker;
    if (!(await worker.kill())) return;
    const killedAt = performance.now();
    this.kills += 1;
    for (const { id, fence } of await this.#runningOn(pid ?? 0)) this.#interrupted.set(id, { id, fence, killedAt });
  }

  async #runningOn(pid: number): Promise<{ id: string; fence: string }[]> {
    const { admin, store } = this.#deployment;
    const workerId = (await store.liveWorkers()).find((worker) => worker.pid === pid)?.id;
    const ids = (
      await Promise.all((await store.catalogue()).map(({ slug }) => admin.zrange(store.keys.window(slug), 0, "-1")))
    ).flat();
    const records = await Promise.all(ids.map((id) => admin.hmget(store.keys.job(id), "worker", "status", "fence")));
    return records.flatMap(([worker, status, fence], index) =>
      worker === workerId && status === "running" ? [{ id: ids[index] ?? "", fence: fence ?? "" }] : [],
    );
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { admin, store } = this.#deployment;
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS);
      const looked = [...this.#interrupted.values()];
      const records = await Promise.all(looked.map(({ id }) => admin.hmget(store.keys.job(id), "status", "fence")));
      const now = performance.now();
      for (const [index, { id, fence, killedAt }] of looked.entries()) {
        const [status, current] = records[index] ?? [];
        if (current === fence) continue;
        // One that was ended instead, by its client or its deadline, has not recovered.
        if (status === "queued") continue;
        if (status === "running") this.recoveries.push({ killedAt, runningAt: now });
        this.#interrupted.delete(id);
      }
    }
  }
}

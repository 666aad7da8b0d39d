import type { Logger, ReadyDetails } from "@llamero/process";
import type { Supervisor } from "./supervisor.ts";

/** The workers of this machine; those that were started last are stopped first. */
export class LocalWorkers {
  readonly #workers: Supervisor<ReadyDetails>[];
  readonly #supervise: (at: number) => Supervisor<ReadyDetails>;
  readonly #stopMs: number;
  readonly #logger: Logger;
  readonly #stopping = new Set<Promise<void>>();
  /** Each has one until it has ended: its number, and what its port follows from. */
  readonly #places = new Map<Supervisor<ReadyDetails>, number>();

  constructor(
    workers: Supervisor<ReadyDetails>[],
    supervise: (at: number) => Supervisor<ReadyDetails>,
    stopMs: number,
    logger: Logger,
  ) {
    this.#workers = workers;
    this.#supervise = supervise;
    this.#stopMs = stopMs;
    this.#logger = logger;
  }

  /** Returns when the new ones take jobs; those that stop finish by themselves. */
  async scaleTo(count: number): Promise<void> {
    const started: Promise<unknown>[] = [];
    while (this.#workers.length < count) started.push(this.#start());
    while (this.#workers.length > count) this.#stop(this.#workers.pop());
    await Promise.all(started);
  }

  /** Stops all of them, and waits for those that are stopping already. */
  async close(): Promise<void> {
    while (this.#workers.length > 0) this.#stop(this.#workers.pop());
    await Promise.all(this.#stopping);
  }

  async #start(): Promise<void> {
    const taken = new Set(this.#places.values());
    let place = 0;
    while (taken.has(place)) place++;
    const worker = this.#supervise(place);
    this.#places.set(worker, place);
    this.#workers.push(worker);
    try {
      await worker.start();
    } catch (error) {
      this.#logger.error({ err: error }, `${worker.name} could not start`);
      const at = this.#workers.indexOf(worker);
      if (at !== -1) this.#workers.splice(at, 1);
      this.#places.delete(worker);
    }
  }

  #stop(worker: Supervisor<ReadyDetails> | undefined): void {
    if (worker === undefined) return;
    const stopped = worker.stop(this.#stopMs).finally(() => {
      this.#stopping.delete(stopped);
      this.#places.delete(worker);
    });
    this.#stopping.add(stopped);
  }
}

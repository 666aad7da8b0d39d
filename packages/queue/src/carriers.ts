import { carrierId } from "@llamero/core";
import type { FedJob, Store } from "@llamero/store";
import type { ConnectionOptions, Queue } from "bullmq";
import { asRedis, openQueue } from "./open-queue.ts";
import { inferenceQueue, laneOf } from "./queue-names.ts";

export interface CarriersOptions {
  /** A connection of the role `commands` or `worker`; it stays the caller's. */
  connection: ConnectionOptions;
  store: Store;
}

/**
 * The producer's end of the model queues: puts carriers in for jobs that a script has fed.
 * A carrier that could not be added does no harm: its record stands in the window, and the sweeper adds it again.
 */
export class Carriers {
  readonly #options: CarriersOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: CarriersOptions) {
    this.#options = options;
  }

  /** Adds carriers; one that is already there is left as it is. @throws AppError `redis_unavailable` */
  async add(fed: readonly FedJob[]): Promise<void> {
    if (fed.length === 0) return;
    const byQueue = Map.groupBy(fed, queueOf);
    await asRedis(() => Promise.all(Array.from(byQueue, ([name, jobs]) => this.#queue(name).addBulk(jobs.map(toBulkJob)))));
  }

  /** Which of these jobs have no carrier. */
  async missing(jobs: readonly FedJob[]): Promise<FedJob[]> {
    const found = await asRedis(() =>
      Promise.all(jobs.map((job) => this.#queue(queueOf(job)).getJob(carrierId({ job_id: job.jobId, run: job.run })))),
    );
    return jobs.filter((_, index) => found[index] === undefined);
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.close()));
    this.#queues.clear();
  }

  #queue(name: string): Queue {
    const existing = this.#queues.get(name);
    if (existing !== undefined) return existing;
    const { connection, store } = this.#options;
    const queue = openQueue(name, { connection, prefix: store.keys.queues });
    this.#queues.set(name, queue);
    return queue;
  }
}

const queueOf = ({ slug, priority }: FedJob) => inferenceQueue(slug, laneOf(priority));

function toBulkJob({ jobId, run }: FedJob) {
  const carrier = { v: 1 as const, job_id: jobId, run };
  return { name: "run", data: carrier, opts: { jobId: carrierId(carrier), removeOnComplete: true, removeOnFail: true } };
}

import type { Carrier, StopReason } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Carriers } from "@llamero/queue";
import type { Store } from "@llamero/store";
import { Attempt } from "./attempt.ts";
import type { EngineHost } from "./engine-host.ts";

export interface JobRunnerOptions {
  store: Store;
  carriers: Carriers;
  engine: EngineHost;
  workerId: string;
  logger: Logger;
}

/** Takes carriers through claim, attempt and finish; knows what is running, so that it can be stopped. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #running = new Map<string, Attempt>();
  #isHandingBack = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Handles one carrier to its end. Resolves also when the job was not to be run. */
  async handle(model: string, carrier: Carrier): Promise<void> {
    const { store, carriers, engine, workerId, logger } = this.#options;
    // Not before the engine is there: a claimed job counts as running.
    const runtime = await engine.runtime();
    const claimed = await store.claim(carrier, workerId);
    if (claimed.outcome !== "claimed") {
      logger.debug({ job_id: carrier.job_id, reason: claimed.outcome }, "carrier without work");
      return carriers.add(claimed.fed);
    }
    const { claim } = claimed;
    const attempt = new Attempt({ store, runtime, claim, model });
    this.#running.set(claim.jobId, attempt);
    if (this.#isHandingBack) attempt.stop("handback");
    logger.debug({ job_id: claim.jobId, attempt: claim.attempt }, "job started");
    const ending = await attempt.run().finally(() => this.#running.delete(claim.jobId));
    if (ending === null) return;
    const result = await store.finish(claim, ending);
    const error = ending.status === "failed" ? ending.error.code : undefined;
    logger.info({ job_id: claim.jobId, model, status: ending.status, error, written: result.outcome }, `job ${ending.status}`);
    if (result.outcome === "finished") await carriers.add(result.fed);
  }

  /** Stops a running job, if it runs here. */
  stop(jobId: string, reason: StopReason): void {
    this.#running.get(jobId)?.stop(reason);
  }

  /** Puts everything that still runs back into its queue. */
  handBack(): void {
    this.#isHandingBack = true;
    for (const attempt of this.#running.values()) attempt.stop("handback");
  }
}

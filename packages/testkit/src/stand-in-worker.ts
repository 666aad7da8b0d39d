import { AppError, type JobRequest, modelSlug } from "@llamero/core";
import type { Claim, Ending, FedJob, Store, StoredResult } from "@llamero/store";

/** What a job does with its claim; resolves when it has ended it. */
export type Script = (claim: Claim, worker: StandInWorker) => Promise<void>;

const usage = { prompt_tokens: 5, cached_tokens: 0, completion_tokens: 2, total_tokens: 7 };
const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };

/** A worker's conversation with the store, without an engine. Stands in for the carriers too: what is fed comes here. */
export class StandInWorker {
  readonly store: Store;
  /** Run on each job that is fed; null: jobs wait until `take`. */
  script: Script | null = null;
  #fed: FedJob[] = [];
  readonly #runs = new Set<Promise<void>>();
  #arrival = Promise.withResolvers<void>();

  constructor(store: Store) {
    this.store = store;
  }

  /** Forgets everything, once what its script has begun has ended. */
  async reset(): Promise<void> {
    this.script = null;
    while (this.#runs.size > 0) await Promise.all(this.#runs);
    this.#fed = [];
  }

  /** Takes the place of `Carriers`. */
  async add(fed: readonly FedJob[]): Promise<void> {
    for (const job of fed) {
      if (this.script === null) this.#fed.push(job);
      else this.#start(job, this.script);
    }
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  #start(job: FedJob, script: Script): void {
    const run = this.#run(job, script).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  /** A job that has ended since it was fed is left alone. */
  async #run(job: FedJob, script: Script): Promise<void> {
    const result = await this.store.claim({ job_id: job.jobId, run: job.run }, "w1");
    if (result.outcome === "claimed") return script(result.claim, this);
    if (result.outcome !== "terminal") throw new AppError("internal_error", `not claimed: ${result.outcome}`);
    await this.add(result.fed);
  }

  async #claim(job: FedJob): Promise<Claim> {
    const result = await this.store.claim({ job_id: job.jobId, run: job.run }, "w1");
    if (result.outcome !== "claimed") throw new AppError("internal_error", `not claimed: ${result.outcome}`);
    return result.claim;
  }

  /** Says that it lives and has slots: the windows of both models open. */
  async open(slots: number): Promise<void> {
    const models = ["tiny", "embedder"].map((name) => ({ slug: modelSlug(name), slots }));
    await this.add(await this.store.beat({ workerId: "w1", host: "test", pid: 1, slots: models }));
  }

  /** Runs what has been fed before there was a script. */
  async drain(): Promise<void> {
    await this.add(this.#fed.splice(0));
  }

  /** Claims the next job that is fed. */
  async take(): Promise<Claim> {
    for (;;) {
      const job = this.#fed.shift();
      if (job !== undefined) return this.#claim(job);
      await this.#arrival.promise;
    }
  }

  async write(claim: Claim, k: number, text: string): Promise<void> {
    const result = await this.store.append(claim, k, { tokens: [k], text });
    if (result.outcome !== "appended") throw new AppError("internal_error", `not appended: ${result.outcome}`);
  }

  /** As the model that the job was accepted for. */
  async end(claim: Claim, ending: Ending): Promise<void> {
    const ran = claim.request.type === "embedding" ? undefined : markOf(claim);
    const result = await this.store.finish(
      claim,
      ending.status === "succeeded" && ran !== undefined ? { ...ending, ran } : ending,
    );
    if (result.outcome !== "finished") throw new AppError("internal_error", `not finished: ${result.outcome}`);
    await this.add(result.fed);
  }

  async succeed(claim: Claim, text = "positive"): Promise<void> {
    const result = { ...outputOf(claim.request, text), usage, timings };
    await this.#keepVectors(claim);
    return this.end(claim, { status: "succeeded", result, completionTokens: 2 });
  }

  async #keepVectors(claim: Claim): Promise<void> {
    const { request, slug, owner } = claim;
    const mark = markOf(claim);
    if (request.type !== "embedding" || mark === undefined) return;
    const vectors = new Map(request.input.map((text) => [text, { vector: VECTOR, tokens: 1 }]));
    await this.store.reuse.keepVectors({ slug, mark, owner }, vectors);
  }

  /** Ends a claim as a worker does that was told to stop. */
  acknowledgeCancel(claim: Claim, text: string): Promise<void> {
    const result = { text, finish_reason: "cancelled" as const, usage, timings };
    return this.end(claim, { status: "cancelled", result, completionTokens: 1 });
  }
}

/** Of the model that the job was accepted for, where its answer may be kept. */
const markOf = ({ reuseKey }: Claim) => reuseKey?.split(".")[0];

/** Of every text. */
const VECTOR = [0.6, 0.8];

function outputOf(request: JobRequest, text: string): Omit<StoredResult, "usage" | "timings"> {
  if (request.type === "embedding") return { embeddings: request.input.map(() => VECTOR) };
  if (request.type === "rerank") return { results: request.documents.map((_, index) => ({ index, relevance_score: 0.5 })) };
  return { text, finish_reason: "stop" };
}

/** Answers every job at once. */
export const answering: Script = (claim, worker) => worker.succeed(claim);

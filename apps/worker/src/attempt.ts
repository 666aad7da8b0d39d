import type { Runtime } from "@llamero/core";
import { type AppError, type GenerateOutcome, type StopReason, type Timings, toAppError } from "@llamero/core";
import type { Claim, Ending, Store } from "@llamero/store";
import { ChunkWriter } from "./chunk-writer.ts";

/** Attempts after which an error that might pass is taken for one that will not. */
const MAX_TRIES = 3;

export interface AttemptOptions {
  store: Store;
  runtime: Runtime;
  claim: Claim;
  model: string;
}

type StopCause = StopReason | "handback" | "fenced";

/** One attempt at a claimed job: runs it, stores its tokens, and says how it ended. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #taskId: string;
  #stopCause: StopCause | null = null;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#taskId = `${options.claim.jobId}-${options.claim.fence}`;
  }

  /** Ends the attempt early: with what it has (`cancelled`, `deadline`), back to the queue, or without a trace. */
  stop(cause: StopCause): void {
    this.#stopCause ??= cause;
    this.#options.runtime.stop(this.#taskId, cause === "deadline" ? "deadline" : "cancelled");
  }

  /** Runs to the end. Null: the job is somebody else's now, and nothing is to be written. */
  async run(): Promise<Ending | null> {
    try {
      const ending = await this.#work();
      if (this.#stopCause === "fenced") return null;
      return this.#stopCause === "handback" && ending.status === "cancelled" ? { status: "queued" } : ending;
    } catch (error) {
      if (this.#stopCause === "fenced") return null;
      return this.#failure(toAppError(error, "engine_failed", "The engine failed on this job."));
    }
  }

  async #work(): Promise<Ending> {
    const { runtime, claim, model } = this.#options;
    const { request, queueMs } = claim;
    if (request.type === "embedding") {
      const { embeddings, usage, timings } = await runtime.embed({ id: this.#taskId, model, request });
      const result = { embeddings, usage, timings: storedTimings(queueMs, timings) };
      return { status: "succeeded", result, completionTokens: 0 };
    }
    const writer = this.#writer();
    const outcome = runtime.generate({ id: this.#taskId, model, request }, (chunk) => writer.add(chunk));
    // A stop that came before the engine knew of the task was ignored by it.
    if (this.#stopCause !== null) this.stop(this.#stopCause);
    const settled = await outcome;
    await writer.flush();
    return endingOf(settled, queueMs);
  }

  #writer(): ChunkWriter {
    const { store, claim } = this.#options;
    return new ChunkWriter({ store, claim, onStop: (reason) => this.stop(reason), onFenced: () => this.stop("fenced") });
  }

  #failure(error: AppError): Ending {
    const isWorthTrying = error.retryable && this.#options.claim.attempt < MAX_TRIES;
    if (isWorthTrying || this.#stopCause === "handback") return { status: "queued" };
    return { status: "failed", error: { code: error.code, message: error.message } };
  }
}

/** To the tenth of a millisecond: what is below is noise. */
function storedTimings(queueMs: number, { prefill_ms, first_token_ms, generate_ms }: GenerateOutcome["timings"]): Timings {
  const round = (ms: number | null) => (ms === null ? null : Math.round(ms * 10) / 10);
  return {
    queue_ms: queueMs,
    prefill_ms: round(prefill_ms),
    first_token_ms: round(first_token_ms),
    generate_ms: round(generate_ms),
  };
}

function endingOf({ text, finishReason, usage, timings }: GenerateOutcome, queueMs: number): Ending {
  const statuses = { stop: "succeeded", length: "succeeded", cancelled: "cancelled", deadline: "expired" } as const;
  return {
    status: statuses[finishReason],
    result: { text, finish_reason: finishReason, usage, timings: storedTimings(queueMs, timings) },
    completionTokens: usage.completion_tokens,
  };
}

import { AppError, type EmbedOutcome, type EmbedTask, type StopReason } from "@llamero/core";
import type { LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";
import { stopReason } from "./generation.ts";

function stopError(reason: StopReason): AppError {
  return reason === "cancelled"
    ? new AppError("cancelled", "The task was cancelled.")
    : new AppError("deadline_exceeded", "The task's deadline passed.");
}

function unitVector(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
}

/** Embeds texts with one model; its context is made on first use, so that a model that only generates has none. */
export class Embedder {
  readonly #model: LlamaModel;
  readonly #contextLength: number;
  readonly #threads: number;
  #context: Promise<LlamaEmbeddingContext> | null = null;

  constructor(model: LlamaModel, contextLength: number, threads: number) {
    this.#model = model;
    this.#contextLength = contextLength;
    this.#threads = threads;
  }

  /** @throws AppError `context_length_exceeded` naming the input, `cancelled`, `deadline_exceeded`, `engine_failed` */
  async embed(task: EmbedTask, signal: AbortSignal): Promise<EmbedOutcome> {
    const context = await this.#open();
    const startedAtMs = performance.now();
    const { input } = task.request;
    const prompt_tokens = this.#countTokens(context, input);
    const embeddings: number[][] = [];
    for (const text of input) {
      const reason = stopReason(signal);
      if (reason !== null) throw stopError(reason);
      embeddings.push(unitVector((await context.getEmbeddingFor(text)).vector));
    }
    return {
      embeddings,
      usage: { prompt_tokens, cached_tokens: 0, completion_tokens: 0, total_tokens: prompt_tokens },
      timings: { prefill_ms: performance.now() - startedAtMs, first_token_ms: null, generate_ms: null },
    };
  }

  #countTokens(context: LlamaEmbeddingContext, input: readonly string[]): number {
    let total = 0;
    for (const [index, text] of input.entries()) {
      const length = context.calculateInputLength(text);
      if (length >= this.#contextLength) {
        const message = `input.${index} has ${length} tokens; the model takes at most ${this.#contextLength - 1}. Split it.`;
        throw new AppError("context_length_exceeded", message, { param: `input.${index}` });
      }
      total += length;
    }
    return total;
  }

  /** A whole input has to fit one batch: pooling sees a batch at a time. */
  #open(): Promise<LlamaEmbeddingContext> {
    this.#context ??= this.#model
      .createEmbeddingContext({ contextSize: this.#contextLength, batchSize: this.#contextLength, threads: this.#threads })
      .catch((error: unknown) => {
        this.#context = null;
        throw new AppError("engine_failed", "No memory for an embedding context; lower slots or context size.", { cause: error });
      });
    return this.#context;
  }
}

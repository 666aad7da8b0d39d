import { AppError, type EmbedOutcome, type EmbedTask, type Usage } from "@llamero/core";
import type { LlamaModel, Token } from "node-llama-cpp";
import { embeddingInput } from "./encoder-input.ts";
import type { EncoderPool } from "./encoder-pool.ts";

/** In floats of 32 bits, which models compute in: so a vector that is kept is the very one that was given. */
function unitVector(vector: Float64Array): number[] {
  const length = Math.hypot(...vector);
  return Array.from(vector, (value) => Math.fround(length === 0 ? value : value / length));
}

/**
 * Refuses the first input that cannot be computed, by its name in the request.
 * @throws AppError `context_length_exceeded`, `invalid_request` for a text of which the tokenizer leaves nothing
 */
export function checkLengths(inputs: readonly (readonly Token[])[], contextLength: number, field: string): void {
  const index = inputs.findIndex(({ length }) => length > contextLength || length === 0);
  if (index === -1) return;
  const param = `${field}.${index}`;
  const length = inputs[index]?.length ?? 0;
  if (length === 0) throw new AppError("invalid_request", `${param} has no tokens in this model's vocabulary.`, { param });
  const message = `${param} has ${length} tokens; the model takes at most ${contextLength}. Split it.`;
  throw new AppError("context_length_exceeded", message, { param });
}

/** What reading the inputs costs: nothing is generated. */
export function readingUsage(inputs: readonly (readonly Token[])[]): Usage {
  const prompt_tokens = inputs.reduce((sum, tokens) => sum + tokens.length, 0);
  return { prompt_tokens, cached_tokens: 0, completion_tokens: 0, total_tokens: prompt_tokens };
}

/** Embeds texts with one model. */
export class Embedder {
  readonly #model: LlamaModel;
  readonly #contextLength: number;
  readonly #pool: EncoderPool;

  constructor(model: LlamaModel, contextLength: number, pool: EncoderPool) {
    this.#model = model;
    this.#contextLength = contextLength;
    this.#pool = pool;
  }

  /** @throws AppError `context_length_exceeded` naming the input, `cancelled`, `deadline_exceeded`, `engine_failed` */
  async embed(task: EmbedTask, signal: AbortSignal): Promise<EmbedOutcome> {
    const inputs = task.request.input.map((text) => embeddingInput(this.#model, text));
    checkLengths(inputs, this.#contextLength, "input");
    const { outputs, timings } = await this.#pool.run(inputs, signal);
    const inputTokens = inputs.map(({ length }) => length);
    return { embeddings: outputs.map(unitVector), inputTokens, usage: readingUsage(inputs), timings };
  }
}

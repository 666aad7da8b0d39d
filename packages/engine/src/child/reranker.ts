import type { RerankOutcome, RerankTask } from "@llamero/core";
import type { LlamaModel } from "node-llama-cpp";
import { checkLengths, readingUsage } from "./embedder.ts";
import { pairInputs } from "./encoder-input.ts";
import type { EncoderPool } from "./encoder-pool.ts";

/** llama.cpp ends the heads of these architectures with a softmax: their first output is a probability already. */
const NORMALIZED_ARCHITECTURES = new Set(["qwen3", "qwen3vl"]);

/** Scores documents against a query with one model that was made for it. */
export class Reranker {
  readonly #model: LlamaModel;
  readonly #contextLength: number;
  readonly #pool: EncoderPool;

  constructor(model: LlamaModel, contextLength: number, pool: EncoderPool) {
    this.#model = model;
    this.#contextLength = contextLength;
    this.#pool = pool;
  }

  /**
   * @throws AppError `context_length_exceeded` naming the document, `unsupported_capability`, `cancelled`, `deadline_exceeded`,
   * `engine_failed`
   */
  async rerank({ request }: RerankTask, signal: AbortSignal): Promise<RerankOutcome> {
    const inputs = request.documents.map(pairInputs(this.#model, request.query));
    checkLengths(inputs, this.#contextLength, "documents");
    const { outputs, timings } = await this.#pool.run(inputs, signal);
    const results = outputs.map(([output = 0], index) => ({ index, relevance_score: this.#score(output) }));
    results.sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index);
    return { results: results.slice(0, request.top_n ?? results.length), usage: readingUsage(inputs), timings };
  }

  #score(output: number): number {
    return NORMALIZED_ARCHITECTURES.has(this.#model.fileInfo.metadata.general.architecture)
      ? output
      : 1 / (1 + Math.exp(-output));
  }
}

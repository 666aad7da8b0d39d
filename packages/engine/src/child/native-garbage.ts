import type { LlamaModel } from "node-llama-cpp";

/** Bytes that may wait to be collected, or so many generations where they are more: a collection takes 12 to 40 ms. */
const MOST_BYTES = 32 * 2 ** 20;
const LEAST_GENERATIONS = 128;
/** A candidate of llama.cpp's sampling: token, logit, probability. */
const CANDIDATE_BYTES = 12;

/** The child is started with `--expose-gc`. */
function collect(): void {
  globalThis.gc?.();
}

/**
 * Collects what ended generations leave behind. Each leaves a sampler of 12 bytes a token of the vocabulary, 0.4 MB at 32,000
 * tokens and 1.8 MB at 150,000, which node-llama-cpp frees when its wrapper is collected; V8 sees the wrapper's few bytes alone
 * and may not collect for hours. Without this 3,000 jobs at 32,000 tokens grew the process from 280 to 770 MiB.
 */
export class NativeGarbage {
  readonly #mostGenerations: number;
  readonly #collect: () => void;
  #generations = 0;

  constructor(vocabularySize: number, collectNow: () => void = collect) {
    this.#mostGenerations = Math.max(LEAST_GENERATIONS, Math.floor(MOST_BYTES / (vocabularySize * CANDIDATE_BYTES)));
    this.#collect = collectNow;
  }

  generationEnded(): void {
    if (++this.#generations < this.#mostGenerations) return;
    this.#generations = 0;
    this.#collect();
  }
}

export function vocabularySize(model: LlamaModel): number {
  return model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0;
}

/** Tokens that may be made between two collections, each of which takes 12 to 40 ms. */
const MOST_TOKENS = 32_768;
/** What a grammar leaves behind counts as so many. */
const GRAMMAR_TOKENS = 128;

/** The child is started with `--expose-gc`. */
function collect(): void {
  globalThis.gc?.();
}

/**
 * Collects what ended generations leave behind, so that the process keeps its size. What V8 sees of a token's way is little, and it
 * lets 130 MB of it gather (50,000 jobs on the bundled model: 150 to 280 MB, up and down); of a grammar state it sees the wrapper
 * alone, and node-llama-cpp frees the state when that is collected.
 */
export class Garbage {
  readonly #collect: () => void;
  #tokens = 0;

  constructor(collectNow: () => void = collect) {
    this.#collect = collectNow;
  }

  generationEnded({ tokens, hasGrammar }: { tokens: number; hasGrammar: boolean }): void {
    this.#tokens += tokens + (hasGrammar ? GRAMMAR_TOKENS : 0);
    if (this.#tokens < MOST_TOKENS) return;
    this.#tokens = 0;
    this.#collect();
  }
}

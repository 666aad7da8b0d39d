/** Grammar states that may wait to be collected: a collection takes 12 to 40 ms. */
const MOST_STATES = 256;

/** The child is started with `--expose-gc`. */
function collect(): void {
  globalThis.gc?.();
}

/**
 * Collects what generations under a grammar leave behind: each has a grammar state of its own, which node-llama-cpp frees when its
 * wrapper is collected; V8 sees the wrapper's few bytes alone and may not collect for hours.
 */
export class NativeGarbage {
  readonly #collect: () => void;
  #states = 0;

  constructor(collectNow: () => void = collect) {
    this.#collect = collectNow;
  }

  grammarEnded(): void {
    if (++this.#states < MOST_STATES) return;
    this.#states = 0;
    this.#collect();
  }
}

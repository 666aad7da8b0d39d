/** A place where one task runs; it keeps what its last task left in the KV cache. */
export interface Slot {
  readonly index: number;
  /** Tokens of `prompt` that the slot already holds, counted from the start. */
  cachedPrefix(prompt: readonly number[]): number;
}

interface Waiter<S> {
  prompt: readonly number[];
  give: (slot: S) => void;
}

/** Hands out a fixed set of slots: first come, first served; among free ones the longest common prefix wins. */
export class SlotPool<S extends Slot> {
  /** Least recently used first, so that equal prefixes leave the fresher caches alone. */
  readonly #free: S[];
  readonly #waiting: Waiter<S>[] = [];

  constructor(slots: readonly S[]) {
    this.#free = [...slots];
  }

  /** @returns null when the signal aborts before a slot is free */
  acquire(prompt: readonly number[], signal: AbortSignal): Promise<S | null> {
    if (signal.aborted) return Promise.resolve(null);
    const slot = this.#takeBest(prompt);
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve) => {
      const waiter: Waiter<S> = {
        prompt,
        give: (given) => {
          signal.removeEventListener("abort", onAbort);
          resolve(given);
        },
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        resolve(null);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  release(slot: S): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next.give(slot);
  }

  #takeBest(prompt: readonly number[]): S | undefined {
    let best: S | undefined;
    let longest = -1;
    for (const slot of this.#free) {
      const length = slot.cachedPrefix(prompt);
      if (length > longest) [best, longest] = [slot, length];
    }
    if (best !== undefined) this.#free.splice(this.#free.indexOf(best), 1);
    return best;
  }
}

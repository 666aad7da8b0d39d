/** A place where one task runs; it keeps what its last task left in the KV cache. */
export interface Slot {
  readonly index: number;
  /** Slots of one group share a context, and so a step. */
  readonly group: number;
  /** Tokens of `prompt` that the slot already holds, counted from the start. */
  cachedPrefix(prompt: readonly number[]): number;
  /** A task has it from now on, or no more. */
  setRunning(running: boolean): void;
}

interface Waiter<S> {
  prompt: readonly number[];
  give: (slot: S) => void;
}

/** A longer common prefix wins over an emptier context only from this many tokens on: templates make all prompts begin alike. */
const WORTHWHILE_PREFIX = 32;

/**
 * Hands out a fixed set of slots: first come, first served; among free ones the longest common prefix wins, then the group with
 * the fewest slots in use.
 */
export class SlotPool<S extends Slot> {
  /** Least recently used first, so that equal prefixes leave the fresher caches alone. */
  readonly #free: S[];
  readonly #waiting: Waiter<S>[] = [];
  /** Slots in use, by group. */
  readonly #inUse = new Map<number, number>();

  constructor(slots: readonly S[]) {
    this.#free = [...slots];
  }

  /**
   * @param onWait told when no slot is free, before the wait
   * @returns null when the signal aborts before a slot is free
   */
  acquire(prompt: readonly number[], signal: AbortSignal, onWait: () => void = () => {}): Promise<S | null> {
    if (signal.aborted) return Promise.resolve(null);
    const slot = this.#takeBest(prompt);
    if (slot !== undefined) return Promise.resolve(slot);
    onWait();
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

  /** A slot that is handed on goes on running, so that the next step waits for its new task. */
  release(slot: S): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.give(slot);
      return;
    }
    slot.setRunning(false);
    this.#free.push(slot);
    this.#use(slot, -1);
  }

  /** Slots of a group that are in use. */
  inUse(group: number): number {
    return this.#inUse.get(group) ?? 0;
  }

  #takeBest(prompt: readonly number[]): S | undefined {
    let best: S | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const slot of this.#free) {
      const prefix = slot.cachedPrefix(prompt);
      // Equal groups leave the choice to the prefix, however short.
      const worth = Math.floor(prefix / WORTHWHILE_PREFIX) - this.#share(slot.group) + prefix / 1e6;
      if (worth > most) [best, most] = [slot, worth];
    }
    if (best === undefined) return undefined;
    this.#free.splice(this.#free.indexOf(best), 1);
    this.#use(best, 1);
    best.setRunning(true);
    return best;
  }

  /** The part of all slots in use that lies in a group: below 1, so that it never outweighs a worthwhile prefix. */
  #share(group: number): number {
    let all = 0;
    for (const count of this.#inUse.values()) all += count;
    return this.inUse(group) / (all + 1);
  }

  #use({ group }: S, change: 1 | -1): void {
    this.#inUse.set(group, this.inUse(group) + change);
  }
}

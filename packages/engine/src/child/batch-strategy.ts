/** One sequence's queued tokens as node-llama-cpp shows them; `evaluationPriority` carries the sequence id (see `lane`). */
interface QueuedItem {
  readonly tokens: ArrayLike<unknown>;
  readonly evaluationPriority: number;
}

interface BatchPart<Item> {
  item: Item;
  processAmount: number;
}

export interface BatchStrategyOptions {
  /** Sequences that run at once. */
  slots: number;
  /** True while sequences are kept from queueing on purpose, so that waiting for them is no use. */
  paused?: () => boolean;
}

/** What went through a context since it was opened. */
export interface BatchCounts {
  /** Batches, each one step of the model. */
  steps: number;
  /** Sequences that took part in them, decoding or prefilling. */
  occupied: number;
  /** Sequences that could have: one for each slot and step. */
  capacity: number;
  decodedTokens: number;
  prefillTokens: number;
}

/**
 * Times in a row that a batch is put off for sequences that have not queued their next token. Each costs a few microtask
 * turns, a generation needs about ten to come back; the limit keeps one that does not from stalling the others.
 */
const MAX_WAITS = 64;

interface PendingAction {
  action: () => boolean;
  resolve: (done: boolean) => void;
  reject: (error: unknown) => void;
}

/**
 * Which queued tokens make the next batch of a context, by three rules. Together they make 8 slots on two cores 2.7 times as
 * fast at 15M parameters and 3 times at 100M (completion tokens/s against the built-in strategy):
 * 1. Sequences ascend: with a KV cache per sequence, llama.cpp splits a batch wherever they do not.
 * 2. A batch waits until every running sequence has queued, instead of leaving with all but one.
 * 3. Every decoding sequence gets its one token first; what is left of the batch is split among the prefills.
 */
export class BatchStrategy {
  readonly counts: BatchCounts = { steps: 0, occupied: 0, capacity: 0, decodedTokens: 0, prefillTokens: 0 };
  readonly #running = new Set<number>();
  readonly #slots: number;
  readonly #paused: () => boolean;
  readonly #pending = new Map<number, PendingAction>();
  #waits = 0;
  #prefillTokens = 0;

  constructor({ slots, paused = () => false }: BatchStrategyOptions) {
    this.#slots = slots;
    this.#paused = paused;
  }

  /** Prompt tokens in the step that was put together last. */
  get prefillTokens(): number {
    return this.#prefillTokens;
  }

  /** Says that a sequence will queue again soon, or no more. */
  setRunning(lane: number, running: boolean): void {
    if (running) this.#running.add(lane);
    else this.#running.delete(lane);
    this.#releaseIfQuiet();
  }

  /**
   * Runs an action of a running lane where no step is under way: right before the next one is put together. The step waits for
   * what the lane queues then.
   * @returns what the action returns; false, without running it, when no step will come because no other lane runs
   */
  betweenSteps(lane: number, action: () => boolean): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#pending.set(lane, { action, resolve, reject });
    this.#releaseIfQuiet();
    return promise;
  }

  #runPending(): void {
    for (const { action, resolve, reject } of this.#pending.values()) {
      try {
        resolve(action());
      } catch (error) {
        reject(error);
      }
    }
    this.#pending.clear();
  }

  /** When only lanes with an action run, none of them queues anything before its action is through. */
  #releaseIfQuiet(): void {
    for (const lane of this.#running) if (!this.#pending.has(lane)) return;
    for (const { resolve } of this.#pending.values()) resolve(false);
    this.#pending.clear();
  }

  readonly prioritize = <Item extends QueuedItem>({
    items,
    size,
  }: {
    items: readonly Item[];
    size: number;
  }): BatchPart<Item>[] => {
    this.#runPending();
    if (this.#shouldWait(items)) return [];
    this.#waits = 0;
    const parts = plan(items, size);
    if (parts.length > 0) this.#count(parts);
    return parts;
  };

  #count(parts: readonly BatchPart<QueuedItem>[]): void {
    this.counts.steps++;
    this.counts.occupied += parts.length;
    this.counts.capacity += this.#slots;
    const prefills = parts.filter(({ item }) => item.tokens.length > 1);
    this.#prefillTokens = prefills.reduce((sum, { processAmount }) => sum + processAmount, 0);
    this.counts.prefillTokens += this.#prefillTokens;
    this.counts.decodedTokens += parts.length - prefills.length;
  }

  #shouldWait(items: readonly QueuedItem[]): boolean {
    if (this.#paused() || this.#waits >= MAX_WAITS) return false;
    let queued = 0;
    for (const item of items) if (this.#running.has(item.evaluationPriority)) queued++;
    if (queued >= this.#running.size) return false;
    this.#waits++;
    return true;
  }
}

/** Smallest remainder first, so that what a short prefill leaves over goes to the longer ones. */
function splitAmong<Item extends QueuedItem>(prefills: Item[], size: number): BatchPart<Item>[] {
  let left = size;
  return prefills
    .toSorted((a, b) => a.tokens.length - b.tokens.length)
    .map((item, index) => {
      const processAmount = Math.min(item.tokens.length, Math.floor(left / (prefills.length - index)));
      left -= processAmount;
      return { item, processAmount };
    })
    .filter((part) => part.processAmount > 0);
}

function plan<Item extends QueuedItem>(items: readonly Item[], size: number): BatchPart<Item>[] {
  const decodes = items.filter((item) => item.tokens.length === 1).slice(0, size);
  const prefills = items.filter((item) => item.tokens.length > 1);
  const parts = [...decodes.map((item) => ({ item, processAmount: 1 })), ...splitAmong(prefills, size - decodes.length)];
  return parts.sort((a, b) => a.item.evaluationPriority - b.item.evaluationPriority);
}

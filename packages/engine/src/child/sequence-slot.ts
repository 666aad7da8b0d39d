import type { EvaluationPriority, LlamaContextSequence, Token } from "node-llama-cpp";
import type { BatchStrategy } from "./batch-strategy.ts";
import type { ContextGate } from "./context-gate.ts";
import type { Slot } from "./slot-pool.ts";

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/** One sequence of a context, for the life of the process, with the batching it takes part in. */
export class SequenceSlot implements Slot {
  readonly index: number;
  readonly sequence: LlamaContextSequence;
  readonly #strategy: BatchStrategy;
  readonly #gate: ContextGate;

  constructor(index: number, sequence: LlamaContextSequence, strategy: BatchStrategy, gate: ContextGate) {
    this.index = index;
    this.sequence = sequence;
    this.#strategy = strategy;
    this.#gate = gate;
  }

  /** The sequence's place in a batch: strategies see no sequence id, but the priority passes through to them unchanged. */
  get lane(): EvaluationPriority {
    return (this.index + 1) as EvaluationPriority;
  }

  cachedPrefix(prompt: readonly number[]): number {
    return commonPrefix(this.sequence.contextTokens, prompt);
  }

  /** Drops what the prompt does not share. @returns tokens of the prompt that need no computing; never all of them */
  async adaptTo(prompt: readonly Token[]): Promise<number> {
    // At least one token has to be computed: sampling needs its logits.
    const wanted = prompt.slice(0, -1);
    if (this.cachedPrefix(wanted) < this.sequence.nextTokenIndex)
      await this.#gate.hold(() => this.sequence.adaptStateToTokens(wanted, false));
    return this.sequence.nextTokenIndex;
  }

  /** Forgets everything, after a failed decode. */
  async clear(): Promise<void> {
    await this.#gate.hold(() => this.sequence.clearHistory());
  }

  setRunning(running: boolean): void {
    this.#strategy.setRunning(this.lane, running);
  }

  /** To be awaited before each step, unless null. */
  opened(): Promise<void> | null {
    return this.#gate.opened();
  }
}

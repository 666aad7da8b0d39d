import type { EvaluationPriority, LlamaContextSequence, Token } from "node-llama-cpp";
import type { BatchStrategy } from "./batch-strategy.ts";
import { cutNow } from "./between-steps.ts";
import type { ContextGate } from "./context-gate.ts";
import type { Slot } from "./slot-pool.ts";

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

export interface SlotPlace {
  /** Among all slots of the model. */
  index: number;
  /** Which of the model's contexts holds it. */
  group: number;
  /** Among the slots of that context. */
  lane: number;
}

/** One sequence of a context, for the life of the process, with the batching it takes part in. */
export class SequenceSlot implements Slot {
  readonly index: number;
  readonly group: number;
  readonly #lane: number;
  readonly sequence: LlamaContextSequence;
  readonly #strategy: BatchStrategy;
  readonly #gate: ContextGate;

  constructor({ index, group, lane }: SlotPlace, sequence: LlamaContextSequence, strategy: BatchStrategy, gate: ContextGate) {
    this.index = index;
    this.group = group;
    this.#lane = lane;
    this.sequence = sequence;
    this.#strategy = strategy;
    this.#gate = gate;
  }

  /** The sequence's place in a batch: strategies see no sequence id, but the priority passes through to them unchanged. */
  get lane(): EvaluationPriority {
    return (this.#lane + 1) as EvaluationPriority;
  }

  cachedPrefix(prompt: readonly number[]): number {
    return commonPrefix(this.sequence.contextTokens, prompt);
  }

  /** Drops what the prompt does not share. @returns tokens of the prompt that need no computing; never all of them */
  async adaptTo(prompt: readonly Token[]): Promise<number> {
    // At least one token has to be computed: sampling needs its logits.
    const wanted = prompt.slice(0, -1);
    const kept = this.cachedPrefix(wanted);
    if (kept === this.sequence.nextTokenIndex) return kept;
    const isCut = await this.#strategy.betweenSteps(this.lane, () => cutNow(this.sequence, kept));
    if (!isCut) await this.#gate.hold(() => this.sequence.adaptStateToTokens(wanted, false));
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

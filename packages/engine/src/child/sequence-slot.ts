import type { EvaluationPriority, LlamaContextSequence, Token } from "node-llama-cpp";
import type { ContextAdapters } from "./adapters.ts";
import type { BatchStrategy } from "./batch-strategy.ts";
import { type Beginnings, commonPrefix, type Holder } from "./beginnings.ts";
import { copyState, cutNow } from "./between-steps.ts";
import type { ContextGate } from "./context-gate.ts";
import type { Slot, SlotWish } from "./slot-pool.ts";

/** What the slots of one context share. */
export interface ContextParts {
  strategy: BatchStrategy;
  gate: ContextGate;
  adapters: ContextAdapters;
  beginnings: Beginnings<SequenceSlot>;
  /** Every slot of the context, this one too. */
  slots: readonly SequenceSlot[];
  /** Tokens from which on a beginning is copied from another slot: the copy stops the context for a step. */
  worthwhileCopy: number;
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
export class SequenceSlot implements Slot, Holder {
  readonly index: number;
  readonly group: number;
  readonly #lane: number;
  readonly sequence: LlamaContextSequence;
  readonly #parts: ContextParts;
  #isRunning = false;
  /** What its state was computed with. */
  #heldWith: string | null = null;

  constructor({ index, group, lane }: SlotPlace, sequence: LlamaContextSequence, parts: ContextParts) {
    this.index = index;
    this.group = group;
    this.#lane = lane;
    this.sequence = sequence;
    this.#parts = parts;
  }

  /** The sequence's place in a batch: strategies see no sequence id, but the priority passes through to them unchanged. */
  get lane(): EvaluationPriority {
    return (this.#lane + 1) as EvaluationPriority;
  }

  /** As the adapter that its context has now computes it; the state of another one is of no use. */
  get held(): readonly Token[] {
    return this.#heldBy(this.#parts.adapters.current);
  }

  cachedPrefix(prompt: readonly number[], adapter: string | null): number {
    return commonPrefix(this.#heldBy(adapter), prompt);
  }

  /**
   * Makes the slot hold a beginning of the prompt and nothing else: what it holds itself, or what another slot of its context has,
   * also when that one is still computing it. To be followed by `prefillDone`.
   * @returns tokens of the prompt that need no computing; never all of them
   */
  async adaptTo({ prompt, adapter }: SlotWish, signal: AbortSignal): Promise<number> {
    await this.#parts.adapters.use(adapter);
    if (this.#heldWith !== adapter) await this.#cutTo([]);
    this.#heldWith = adapter;
    // At least one token has to be computed: sampling needs its logits.
    const wanted = prompt.slice(0, -1) as Token[];
    this.#parts.beginnings.begin(this, wanted);
    await this.#copyBeginning(signal);
    await this.#cutTo(wanted);
    return this.sequence.nextTokenIndex;
  }

  /** A part of the prompt has been computed: others may wait for it. */
  prefillAdvanced(): void {
    this.#parts.beginnings.advanced();
  }

  /** The whole prompt has been computed, or is given up. */
  prefillDone(): void {
    this.#parts.beginnings.finished(this);
  }

  /** Forgets everything, after a failed decode. */
  async clear(): Promise<void> {
    await this.#parts.gate.hold(() => this.sequence.clearHistory());
  }

  /** It takes part in the steps. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  setRunning(running: boolean): void {
    this.#isRunning = running;
    this.#parts.strategy.setRunning(this.lane, running);
  }

  /** To be awaited before each step, unless null. */
  opened(): Promise<void> | null {
    return this.#parts.gate.opened();
  }

  #heldBy(adapter: string | null | undefined): readonly Token[] {
    return this.#heldWith === adapter ? this.sequence.contextTokens : [];
  }

  /** Cuts what it holds to what it has in common with these tokens. */
  async #cutTo(wanted: Token[]): Promise<void> {
    const kept = commonPrefix(this.sequence.contextTokens, wanted);
    if (kept === this.sequence.nextTokenIndex) return;
    const isCut = await this.#parts.strategy.betweenSteps(this.lane, () => cutNow(this.sequence, kept));
    if (!isCut) await this.#parts.gate.hold(() => this.sequence.adaptStateToTokens(wanted, false));
  }

  async #copyBeginning(signal: AbortSignal): Promise<void> {
    const { beginnings, gate, slots, worthwhileCopy } = this.#parts;
    // State that can only be restored at checkpoints cannot be cut after a copy.
    if (this.sequence.needsCheckpoints) return;
    for (;;) {
      const source = signal.aborted ? null : beginnings.source(this, slots, worthwhileCopy);
      if (source === null) break;
      if (source.ready === source.shared) {
        if (!(await gate.hold(() => copyState(this.sequence, source.holder.sequence)))) break;
      } else {
        // The others' steps do not wait for one that waits for them.
        this.setRunning(false);
        await beginnings.change(signal);
      }
    }
    this.setRunning(true);
  }
}

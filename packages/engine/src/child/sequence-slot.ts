import type { Token } from "node-llama-cpp";
import type { ContextAdapters } from "./adapters.ts";
import { type Beginnings, commonPrefix, type Holder } from "./beginnings.ts";
import type { SequenceState } from "./sequence-state.ts";
import type { Slot, SlotWish } from "./slot-pool.ts";
import type { StepLoop } from "./step-loop.ts";
import type { Sampling, TokenSampler } from "./token-sampler.ts";

/** What the slots of one context share. */
export interface ContextParts {
  loop: StepLoop;
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
}

/** One sequence of a context, for the life of the process, with the steps it takes part in. */
export class SequenceSlot implements Slot, Holder {
  readonly index: number;
  readonly group: number;
  readonly #state: SequenceState;
  readonly #sampler: TokenSampler;
  readonly #parts: ContextParts;
  /** What its state was computed with. */
  #heldWith: string | null = null;
  /** Until this its state may still change for whoever had it before. */
  #adapting: Promise<unknown> = Promise.resolve();

  constructor({ index, group }: SlotPlace, state: SequenceState, sampler: TokenSampler, parts: ContextParts) {
    this.index = index;
    this.group = group;
    this.#state = state;
    this.#sampler = sampler;
    this.#parts = parts;
  }

  /** As the adapter that its context has now computes it; the state of another one is of no use. */
  get held(): readonly Token[] {
    return this.#heldBy(this.#parts.adapters.current);
  }

  get isEmpty(): boolean {
    return this.#state.length === 0;
  }

  /** Tokens that it has in the KV cache. */
  get heldTokens(): number {
    return this.#state.length;
  }

  cachedPrefix(prompt: readonly number[], adapter: string | null): number {
    return commonPrefix(this.#heldBy(adapter), prompt);
  }

  /**
   * Makes the slot hold a beginning of the prompt and nothing else: what it holds itself, or what another slot of its context has,
   * also when that one is still computing it. To be followed by `prefillDone`. One that is stopped does not wait for the step under way:
   * who has the slot next does.
   * @returns tokens of the prompt that need no computing; never all of them
   */
  async adaptTo(wish: SlotWish, signal: AbortSignal): Promise<number> {
    const adapting = this.#adapting.then(() => (signal.aborted ? 0 : this.#adapt(wish, signal)));
    this.#adapting = adapting.catch(() => {});
    const stopped = Promise.withResolvers<number>();
    const onStop = () => stopped.resolve(0);
    signal.addEventListener("abort", onStop, { once: true });
    try {
      return await Promise.race([adapting, stopped.promise]);
    } finally {
      signal.removeEventListener("abort", onStop);
    }
  }

  async #adapt({ prompt, adapter }: SlotWish, signal: AbortSignal): Promise<number> {
    const { loop, adapters, beginnings } = this.#parts;
    await adapters.use(adapter);
    if (this.#heldWith !== adapter) await loop.between(() => this.#state.cutTo([]));
    this.#heldWith = adapter;
    // Whoever had the slot has said already that its prompt is done.
    if (signal.aborted) return 0;
    // At least one token has to be computed: sampling needs its logits.
    const wanted = prompt.slice(0, -1) as Token[];
    beginnings.begin(this, wanted);
    await this.#copyBeginning(signal);
    await loop.between(() => this.#state.cutTo(wanted));
    return this.#state.length;
  }

  /** Computes tokens behind those it holds. */
  compute(tokens: readonly Token[]): Promise<void> {
    return this.#parts.loop.compute(this.#state, tokens);
  }

  /**
   * Computes tokens, at least one, then samples token after token.
   * @param onToken takes each; the generation goes on with it while it returns true
   */
  async generate(tokens: readonly Token[], sampling: Sampling, onToken: (token: Token) => boolean): Promise<void> {
    this.#sampler.begin(sampling);
    try {
      await this.#parts.loop.generate(this.#state, tokens, this.#sampler, onToken);
    } finally {
      this.#sampler.end();
    }
  }

  /** Ends what it computes at once; what the step under way makes of it is kept, for whoever has the slot next. */
  withdraw(): void {
    this.#parts.loop.withdraw(this.#state);
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
  clear(): Promise<void> {
    return this.#parts.loop.between(() => this.#state.clear());
  }

  setRunning(isRunning: boolean): void {
    this.#parts.loop.setRunning(this.#state.id, isRunning);
  }

  #heldBy(adapter: string | null | undefined): readonly Token[] {
    return this.#heldWith === adapter ? this.#state.tokens : [];
  }

  async #copyBeginning(signal: AbortSignal): Promise<void> {
    const { loop, beginnings, slots, worthwhileCopy } = this.#parts;
    // State that can only be restored at checkpoints cannot be cut after a copy.
    if (this.#state.needsCheckpoints) return;
    for (;;) {
      const source = signal.aborted ? null : beginnings.source(this, slots, worthwhileCopy);
      if (source === null) break;
      if (source.ready === source.shared) {
        if (!(await loop.between(() => this.#state.copy(source.holder.#state)))) break;
      } else {
        // The others' steps do not wait for one that waits for them.
        this.setRunning(false);
        await beginnings.change(signal);
      }
    }
    // What is stopped has left the slot.
    if (!signal.aborted) this.setRunning(true);
  }
}

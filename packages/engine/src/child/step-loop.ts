import type { Token } from "node-llama-cpp";
import { type BatchPart, planBatch } from "./batch-plan.ts";
import type { NativeContext } from "./native-context.ts";
import type { SequenceState } from "./sequence-state.ts";
import type { TokenSampler } from "./token-sampler.ts";
import type { Turns } from "./turns.ts";

/** What went through a context since it was opened. */
export interface StepCounts {
  /** Batches, each one step of the model. */
  steps: number;
  /** Sequences that took part in them, decoding or prefilling. */
  occupied: number;
  /** Sequences that could have: one for each slot and step. */
  capacity: number;
  decodedTokens: number;
  prefillTokens: number;
}

/** What a step is made of, for the choice of its threads. */
export interface StepShape {
  /** Tokens of prompts in it. */
  prefillTokens: number;
  /** Tokens that its sequences hold already. */
  heldTokens: number;
}

export interface StepLoopOptions {
  native: NativeContext;
  /** Sequences that there are. */
  slots: number;
  /** Tokens that one step computes at most. */
  batchSize: number;
  threads: (step: StepShape) => number;
  /** Its decodes take turns with other contexts'. */
  turns?: Turns;
}

/** What a sequence is to compute, and what becomes of it. */
interface Work {
  readonly state: SequenceState;
  readonly sequenceId: number;
  tokens: readonly Token[];
  /** Null: the last token's logits are of no interest. */
  readonly sampler: TokenSampler | null;
  /** Takes a sampled token. @returns whether it is to be computed, for the next one */
  readonly onToken: (token: Token) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Its step is through, and what it has come to is taken in. */
  isFinishing: boolean;
  /** Nobody waits for it: what the step under way computes of it is kept, and nothing follows. */
  isWithdrawn: boolean;
}

const NO_LOGITS = new Uint32Array(0);

/**
 * Drives one llama.cpp context: puts what its sequences want computed into batches, decodes them one after another, samples, and
 * goes on with what was sampled. It speaks to the native context itself: with the library's own way to a token, its locks,
 * generators and promises, the main thread took 85 µs a token instead of 58 (15M parameters, 32 slots, two cores), in which the
 * context stands still.
 *
 * A step begins when every running sequence has queued, so that none leaves with all but one; a sequence that comes back from
 * where it was only after a turn of the event loop is not waited for.
 */
export class StepLoop {
  readonly counts: StepCounts = { steps: 0, occupied: 0, capacity: 0, decodedTokens: 0, prefillTokens: 0 };
  readonly #options: StepLoopOptions;
  readonly #running = new Set<number>();
  readonly #work = new Map<number, Work>();
  readonly #actions: (() => Promise<void>)[] = [];
  #isBusy = false;
  #turn: NodeJS.Immediate | null = null;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(options: StepLoopOptions) {
    this.#options = options;
  }

  /** Says that a sequence will queue again soon, or no more. */
  setRunning(sequenceId: number, isRunning: boolean): void {
    if (isRunning) this.#running.add(sequenceId);
    else this.#running.delete(sequenceId);
    this.#next();
  }

  /** Computes tokens behind what a sequence holds, over as many steps as it takes. One work of a sequence at a time. */
  compute(state: SequenceState, tokens: readonly Token[]): Promise<void> {
    return this.#queue({ state, tokens, sampler: null, onToken: () => false });
  }

  /**
   * Computes tokens, at least one, then samples token after token.
   * @param onToken takes each; the generation goes on with it while it returns true
   */
  generate(
    state: SequenceState,
    tokens: readonly Token[],
    sampler: TokenSampler,
    onToken: (token: Token) => boolean,
  ): Promise<void> {
    return this.#queue({ state, tokens, sampler, onToken });
  }

  /**
   * Ends what a sequence computes, without waiting for the step under way: whoever waits for it goes on at once, and the sequence is free
   * for what comes with the next step. What is just being taken in ends with that.
   */
  withdraw({ id }: SequenceState): void {
    const work = this.#work.get(id);
    if (work === undefined) return;
    work.isWithdrawn = true;
    if (!work.isFinishing) this.#end(work);
    this.#next();
  }

  /** Runs an action where no step is under way; none begins before it is through. */
  between<T>(action: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#actions.push(async () => {
      try {
        resolve(await action());
      } catch (error) {
        reject(error);
      }
    });
    this.#next();
    return promise;
  }

  /** When nothing is under way and nothing is left to do. */
  async idle(): Promise<void> {
    if (!this.#isBusy && this.#work.size === 0 && this.#actions.length === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #queue(work: Pick<Work, "state" | "tokens" | "sampler" | "onToken">): Promise<void> {
    if (work.tokens.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sequenceId = work.state.id;
    this.#work.set(sequenceId, { ...work, sequenceId, resolve, reject, isFinishing: false, isWithdrawn: false });
    this.#next();
    return promise;
  }

  /** Goes on as soon as there is reason to. */
  #next(): void {
    if (this.#isBusy) return;
    if (this.#actions.length > 0 || (this.#work.size > 0 && this.#isComplete())) void this.#run();
    else if (this.#work.size > 0) this.#turn ??= setImmediate(() => void this.#run());
    else {
      this.#idle?.resolve();
      this.#idle = null;
    }
  }

  #isComplete(): boolean {
    for (const sequenceId of this.#running) if (!this.#work.has(sequenceId)) return false;
    return true;
  }

  async #run(): Promise<void> {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#isBusy = true;
    // Who waits for an action queues behind it: the step comes with the next run.
    if (this.#actions.length > 0) for (const action of this.#actions.splice(0)) await action();
    else if (this.#work.size > 0) await this.#step();
    this.#isBusy = false;
    this.#next();
  }

  async #step(): Promise<void> {
    const parts = planBatch([...this.#work.values()], this.#options.batchSize);
    this.#count(parts);
    try {
      const logits = await this.#decode(parts);
      await Promise.all(parts.map(({ queued, amount }, index) => this.#finish(queued, amount, logits[index])));
    } catch (error) {
      for (const { queued } of parts)
        if (queued.isWithdrawn) await queued.state.clear();
        else this.#fail(queued, error);
    }
  }

  /** @returns where each part's logits are; undefined for those that need none */
  async #decode(parts: readonly BatchPart<Work>[]): Promise<(number | undefined)[]> {
    const { native, threads, turns } = this.#options;
    native.initBatch(parts.reduce((sum, { amount }) => sum + amount, 0));
    const logits = parts.map(({ queued: { state, sequenceId, tokens, sampler }, amount }) => {
      const wanted = sampler !== null && amount === tokens.length ? Uint32Array.of(amount - 1) : NO_LOGITS;
      const taken = Uint32Array.from(amount === tokens.length ? tokens : tokens.slice(0, amount));
      return native.addToBatch(sequenceId, state.length, taken, wanted)[0];
    });
    native.setThreads(threads(shapeOf(parts)));
    await (turns === undefined ? native.decodeBatch() : turns.take(() => native.decodeBatch()));
    return logits;
  }

  async #finish(work: Work, amount: number, logitsAt: number | undefined): Promise<void> {
    const { state, sampler, tokens, onToken } = work;
    work.isFinishing = true;
    try {
      const kept = state.appended(amount === tokens.length ? tokens : tokens.slice(0, amount));
      if (kept !== undefined) await kept;
      if (work.isWithdrawn) return this.#end(work);
      if (amount < tokens.length) {
        work.tokens = tokens.slice(amount);
        work.isFinishing = false;
        return;
      }
      if (sampler !== null && logitsAt !== undefined) {
        const token = (await sampler.sample(this.#options.native, logitsAt)) as Token;
        if (token < 0) throw new Error("No token could be sampled.");
        if (onToken(token)) {
          work.tokens = [token];
          work.isFinishing = false;
          return;
        }
      }
      this.#end(work);
    } catch (error) {
      this.#fail(work, error);
    }
  }

  #end(work: Work): void {
    this.#work.delete(work.sequenceId);
    work.resolve();
  }

  #fail(work: Work, error: unknown): void {
    this.#work.delete(work.sequenceId);
    work.reject(error);
  }

  #count(parts: readonly BatchPart<Work>[]): void {
    const { counts } = this;
    counts.steps++;
    counts.occupied += parts.length;
    counts.capacity += this.#options.slots;
    for (const { queued, amount } of parts)
      if (queued.tokens.length === 1) counts.decodedTokens++;
      else counts.prefillTokens += amount;
  }
}

function shapeOf(parts: readonly BatchPart<Work>[]): StepShape {
  const shape: StepShape = { prefillTokens: 0, heldTokens: 0 };
  for (const { queued, amount } of parts) {
    shape.heldTokens += queued.state.length;
    if (queued.tokens.length > 1) shape.prefillTokens += amount;
  }
  return shape;
}

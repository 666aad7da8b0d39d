import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { commonPrefix } from "./beginnings.ts";
import { type NativeContext, type SamplerConfig, unknownLibrary } from "./native-context.ts";

/** What is used of a sequence's inside. */
interface SequenceInside {
  readonly _sequenceId: number;
  _contextTokens: Token[];
  _nextTokenIndex: number;
  _copyStateFromOtherSequence(source: LlamaContextSequence, upToTokenIndex: number): Promise<boolean>;
  /** @param stateLength one more than the tokens it holds */
  _takeIntervalCheckpointIfNeededAfterBatch(stateLength: number): Promise<void> | undefined;
  _resolveSamplerConfig(options: SequenceEvaluateOptions): SamplerConfig;
}

function insideOf(sequence: LlamaContextSequence): SequenceInside {
  const inside = sequence as unknown as Partial<SequenceInside>;
  const isKnown =
    Number.isInteger(inside._sequenceId) &&
    Array.isArray(inside._contextTokens) &&
    Number.isInteger(inside._nextTokenIndex) &&
    typeof inside._copyStateFromOtherSequence === "function" &&
    typeof inside._takeIntervalCheckpointIfNeededAfterBatch === "function" &&
    typeof inside._resolveSamplerConfig === "function";
  if (!isKnown) throw unknownLibrary("sequences");
  return inside as SequenceInside;
}

/**
 * The tokens whose state a sequence of a context holds. What changes it is called between two steps of the context
 * (`StepLoop.between`) and from nowhere else.
 */
export class SequenceState {
  readonly #sequence: LlamaContextSequence;
  readonly #inside: SequenceInside;
  readonly #native: NativeContext;

  /** @throws AppError `internal_error` */
  constructor(sequence: LlamaContextSequence, native: NativeContext) {
    this.#sequence = sequence;
    this.#inside = insideOf(sequence);
    this.#native = native;
  }

  /** llama.cpp's number of it, from 0. */
  get id(): number {
    return this.#inside._sequenceId;
  }

  get tokens(): readonly Token[] {
    return this.#inside._contextTokens;
  }

  get length(): number {
    return this.#inside._nextTokenIndex;
  }

  /** It can only go back to where a checkpoint was taken: recurrent models, sliding windows. */
  get needsCheckpoints(): boolean {
    return this.#sequence.needsCheckpoints;
  }

  /** A step has computed these tokens behind those it held. */
  appended(tokens: readonly Token[]): Promise<void> | undefined {
    for (const token of tokens) this.#inside._contextTokens.push(token);
    this.#inside._nextTokenIndex += tokens.length;
    return this.needsCheckpoints ? this.#inside._takeIntervalCheckpointIfNeededAfterBatch(this.length + 1) : undefined;
  }

  /** Cuts it to what it has in common with these tokens; further back where its kind cannot be cut there. */
  async cutTo(wanted: Token[]): Promise<void> {
    const kept = commonPrefix(this.tokens, wanted);
    if (kept < this.length && !this.#cutNow(kept)) await this.#sequence.adaptStateToTokens(wanted, false);
  }

  /**
   * Makes it hold what another sequence of its context holds.
   * @returns false when that could not be done; it is empty or as it was then
   */
  async copy(source: SequenceState): Promise<boolean> {
    const isWhole = await this.#inside._copyStateFromOtherSequence(source.#sequence, source.length);
    if (!isWhole) await this.clear();
    return isWhole;
  }

  clear(): Promise<void> {
    return this.#sequence.clearHistory();
  }

  /** The library's words for sampling options, with its defaults. */
  samplerConfig(options: SequenceEvaluateOptions): SamplerConfig {
    return this.#inside._resolveSamplerConfig(options);
  }

  #cutNow(length: number): boolean {
    if (this.needsCheckpoints) return false;
    // A sliding window has dropped cells that the kept tokens would need.
    if (length > 0 && this.#native.getSequenceKvCacheMinPosition(this.id) > 0) return false;
    if (!this.#native.removeTokenCellsFromSequence(this.id, length, this.length)) return false;
    this.#inside._contextTokens.length = length;
    this.#inside._nextTokenIndex = length;
    return true;
  }
}

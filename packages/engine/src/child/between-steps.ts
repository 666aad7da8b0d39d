import type { LlamaContextSequence } from "node-llama-cpp";

/** What is used of a sequence's inside; version 3.22.1 is pinned, and what is missing is noticed. */
interface SequenceInside {
  _sequenceId: number;
  _contextTokens: unknown[];
  _nextTokenIndex: number;
  _loadedTokenPredictions: unknown[];
  _context: {
    _ctx: {
      removeTokenCellsFromSequence(sequenceId: number, start: number, end: number): boolean;
      getSequenceKvCacheMinPosition(sequenceId: number): number;
    };
  };
}

function insideOf(sequence: LlamaContextSequence): SequenceInside | null {
  const inside = sequence as unknown as Partial<SequenceInside>;
  const isKnown =
    Array.isArray(inside._contextTokens) &&
    Array.isArray(inside._loadedTokenPredictions) &&
    Number.isInteger(inside._sequenceId) &&
    Number.isInteger(inside._nextTokenIndex) &&
    typeof inside._context?._ctx?.removeTokenCellsFromSequence === "function" &&
    typeof inside._context._ctx.getSequenceKvCacheMinPosition === "function";
  return isKnown ? (inside as SequenceInside) : null;
}

/**
 * Cuts a sequence's state to its first `length` tokens, at once. To be called between two steps of its context and from nowhere
 * else: the library's own way takes the context's lock, which under load is free only when every other generation pauses.
 * @returns false when this sequence has to be cut the library's way (no step has been skipped, nothing has changed)
 */
export function cutNow(sequence: LlamaContextSequence, length: number): boolean {
  const inside = insideOf(sequence);
  if (inside === null || sequence.needsCheckpoints || inside._loadedTokenPredictions.length > 0) return false;
  const { _sequenceId: id, _nextTokenIndex: end } = inside;
  const native = inside._context._ctx;
  if (length >= end) return true;
  // A sliding window has dropped cells that the kept tokens would need.
  if (length > 0 && native.getSequenceKvCacheMinPosition(id) > 0) return false;
  if (!native.removeTokenCellsFromSequence(id, length, end)) return false;
  inside._contextTokens.length = length;
  inside._nextTokenIndex = length;
  return true;
}

/** What is used of a sequence's inside to copy another's state. */
interface Copying {
  _copyStateFromOtherSequence(source: LlamaContextSequence, upToTokenIndex: number): Promise<boolean>;
}

/**
 * Makes a sequence hold what another of its context holds. Takes the context's lock.
 * @returns false when it could not; the sequence is empty or as it was then
 */
export async function copyState(target: LlamaContextSequence, source: LlamaContextSequence): Promise<boolean> {
  const copying = target as unknown as Partial<Copying>;
  if (typeof copying._copyStateFromOtherSequence !== "function") return false;
  const isWhole = await copying._copyStateFromOtherSequence(source, source.nextTokenIndex);
  // The source moved meanwhile: what the target says it holds need not be what it holds.
  if (!isWhole) await target.clearHistory();
  return isWhole;
}

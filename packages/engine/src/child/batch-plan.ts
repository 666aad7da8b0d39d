/** Tokens of one sequence that are to be computed. */
export interface QueuedTokens {
  /** llama.cpp's number of the sequence. */
  readonly sequenceId: number;
  /** At least one. */
  readonly tokens: ArrayLike<unknown>;
}

/** The tokens of one sequence that a batch takes: so many from the first. */
export interface BatchPart<Queued> {
  queued: Queued;
  amount: number;
}

/** Smallest remainder first, so that what a short prefill leaves over goes to the longer ones. */
function splitAmong<Queued extends QueuedTokens>(prefills: Queued[], size: number): BatchPart<Queued>[] {
  let left = size;
  return prefills
    .toSorted((a, b) => a.tokens.length - b.tokens.length)
    .map((queued, index) => {
      const amount = Math.min(queued.tokens.length, Math.floor(left / (prefills.length - index)));
      left -= amount;
      return { queued, amount };
    })
    .filter((part) => part.amount > 0);
}

/**
 * Which queued tokens make the next batch of a context, by two rules:
 * 1. Every decoding sequence gets its one token first; what is left of the batch is split among the prefills.
 * 2. Sequences ascend: with a KV cache per sequence, llama.cpp splits a batch wherever they do not.
 * @param size tokens that a batch takes at most
 */
export function planBatch<Queued extends QueuedTokens>(queue: readonly Queued[], size: number): BatchPart<Queued>[] {
  const decodes = queue.filter(({ tokens }) => tokens.length === 1).slice(0, size);
  const prefills = queue.filter(({ tokens }) => tokens.length > 1);
  const parts = [...decodes.map((queued) => ({ queued, amount: 1 })), ...splitAmong(prefills, size - decodes.length)];
  return parts.sort((a, b) => a.queued.sequenceId - b.queued.sequenceId);
}

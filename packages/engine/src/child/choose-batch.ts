/** llama.cpp's own default, and the most that is chosen here. */
export const DEFAULT_BATCH_SIZE = 512;

/** A step on a CPU is to last no longer than this, in milliseconds: those that decode wait for the prompts in it. */
const LONGEST_STEP_MS = 500;
const LEAST_BATCH_SIZE = 64;
/** Room for prompts beside a token of every slot. */
const PER_SLOT = 2;

/**
 * How many tokens a step computes at most, as a power of two: on slow models fewer, so that a long prompt does not make the others
 * stand still for seconds. Prompts lose little by it: a CPU computes 64 tokens in a step about as fast, each, as 512.
 * @param prefillRate prompt tokens/s of a context; null where it was not measured
 */
export function chooseBatchSize(prefillRate: number | null, slots: number): number {
  if (prefillRate === null) return DEFAULT_BATCH_SIZE;
  const withinTime = 2 ** Math.floor(Math.log2((prefillRate * LONGEST_STEP_MS) / 1_000));
  const least = Math.max(LEAST_BATCH_SIZE, 2 ** Math.ceil(Math.log2(slots * PER_SLOT)));
  return Math.min(Math.max(withinTime, least), Math.max(DEFAULT_BATCH_SIZE, least));
}

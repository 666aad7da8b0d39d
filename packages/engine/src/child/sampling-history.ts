import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";

type MapLogits = (...logits: unknown[]) => unknown;

/** What a sampler is set to before each token. */
interface SamplerConfig {
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
}

/** What is used of a sequence's inside; version 3.22.1 is pinned, and what is missing is noticed. */
interface SamplingInside {
  _resolveSamplerConfig(options: SequenceEvaluateOptions): SamplerConfig;
  /** Computes tokens and hands the logits to `mapLogits`, the sixth argument, which samples. */
  _decodeTokens(...args: unknown[]): Promise<unknown>;
}

const MAP_LOGITS = 5;
/** Above every logit of a model, and finite. */
const FORCE = 1e30;

/** What the sampler of an evaluation is told of the tokens before it. */
export interface SamplingHistory {
  /** The seed of the next token. Null: nothing is drawn at random. */
  seed: (() => number) | null;
  /** Tokens that an earlier attempt sampled and that the sampler has to remember. */
  remembered: readonly Token[];
}

function insideOf(sequence: LlamaContextSequence): SamplingInside | null {
  const inside = sequence as unknown as Partial<SamplingInside>;
  const isKnown = typeof inside._resolveSamplerConfig === "function" && typeof inside._decodeTokens === "function";
  return isKnown ? (inside as SamplingInside) : null;
}

/**
 * The seed of a job's token: each has one of its own, so that what is drawn for it does not depend on which attempt draws it.
 * Of 31 bits, since llama.cpp takes the highest seed of 32 for none.
 * @param index of the token in the output, from 0
 */
export function tokenSeed(seed: number, index: number): number {
  // The finish of MurmurHash3.
  let hash = seed ^ Math.imul(index + 1, 0x9e3779b9);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 1;
}

/**
 * Gives the sampler of a sequence's next evaluation a history; the library has no way to. A sampler remembers what it has sampled,
 * so what it is to remember is sampled again from the first logits that come, each token with a bias that leaves no other.
 * @returns undoes it; to be called when the evaluation has ended
 */
export function giveHistory(sequence: LlamaContextSequence, { seed, remembered }: SamplingHistory): () => void {
  const inside = insideOf(sequence);
  if (inside === null) return () => {};
  const resolve = inside._resolveSamplerConfig;
  let forced: Token | null = null;
  inside._resolveSamplerConfig = (options) => {
    if (forced !== null) return forcedConfig(resolve.call(sequence, onlyMemory(options)), forced);
    return resolve.call(sequence, seed === null ? options : { ...options, seed: seed() });
  };
  const force = (token: Token | null) => {
    forced = token;
  };
  if (remembered.length > 0) remember(sequence, inside, remembered, force);
  return () => {
    Reflect.deleteProperty(sequence, "_resolveSamplerConfig");
    Reflect.deleteProperty(sequence, "_decodeTokens");
  };
}

/** Has the first logits sampled once more for each token, before they are sampled for good. */
function remember(
  sequence: LlamaContextSequence,
  inside: SamplingInside,
  tokens: readonly Token[],
  force: (token: Token | null) => void,
): void {
  const decode = inside._decodeTokens;
  const left = [...tokens];
  inside._decodeTokens = (...args) => {
    const mapLogits = args[MAP_LOGITS] as MapLogits;
    args[MAP_LOGITS] = async (...logits: unknown[]) => {
      for (const token of left.splice(0)) {
        force(token);
        await mapLogits(...logits);
      }
      force(null);
      return mapLogits(...logits);
    };
    return decode.apply(sequence, args);
  };
}

/** Of a sampler's options, those whose sampler remembers tokens by itself. */
function onlyMemory({ dryRepeatPenalty, seed }: SequenceEvaluateOptions): SequenceEvaluateOptions {
  return {
    ...(dryRepeatPenalty === undefined ? {} : { dryRepeatPenalty }),
    ...(seed === undefined ? {} : { seed }),
    temperature: 0,
  };
}

function forcedConfig(config: SamplerConfig, token: Token): SamplerConfig {
  return { ...config, tokenBiasKeys: Uint32Array.of(token), tokenBiasValues: Float32Array.of(FORCE) };
}

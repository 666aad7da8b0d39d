import type { SequenceEvaluateOptions, Token } from "node-llama-cpp";
import type { NativeContext, NativeSampler, SamplerConfig } from "./native-context.ts";

/** Above every logit of a model, and finite. */
const FORCE = 1e30;
/** No token's seed, which has 31 bits: a sampler that gets the seed it has goes on with its numbers instead of starting anew. */
const NO_SEED = 2 ** 32 - 2;

/** What is sampled with, from the first token of an attempt on. */
export interface Sampling {
  /** `punishTokens` gives what has been sampled so far. */
  options: SequenceEvaluateOptions;
  /** The seed of the next token. Null: nothing is drawn at random. */
  seed: (() => number) | null;
  /** Tokens that an earlier attempt sampled and that the sampler has to remember. */
  remembered: readonly Token[];
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

/** Samples the tokens of one slot, one generation after another, with one native sampler. */
export class TokenSampler {
  readonly #native: NativeSampler;
  readonly #resolve: (options: SequenceEvaluateOptions) => SamplerConfig;
  #sampling: Sampling = { options: {}, seed: null, remembered: [] };
  #config: SamplerConfig | null = null;

  /** @param resolve turns options into the sampler's words */
  constructor(native: NativeSampler, resolve: (options: SequenceEvaluateOptions) => SamplerConfig) {
    this.#native = native;
    this.#resolve = resolve;
  }

  /** Forgets what it has sampled: a generation begins. */
  begin(sampling: Sampling): void {
    this.#native.applyConfig({ temperature: 0, seed: NO_SEED });
    this.#sampling = sampling;
    this.#config = null;
  }

  /** Nothing of the generation is needed any more. */
  end(): void {
    this.begin({ options: {}, seed: null, remembered: [] });
  }

  /** @returns -1 when nothing could be sampled */
  sample(context: NativeContext, logitsAt: number): Promise<number> {
    if (this.#config === null && this.#sampling.remembered.length > 0) return this.#sampleWithMemory(context, logitsAt);
    this.#configure();
    return context.sampleToken(logitsAt, this.#native);
  }

  /** By itself the sampler keeps up with what it samples; it has to be told of seeds, and of a grammar that begins later. */
  #configure(): void {
    const { options, seed } = this.#sampling;
    const last = this.#config;
    const hasLaterGrammar = options.grammarEvaluationState instanceof Function;
    if (last !== null && seed === null && !hasLaterGrammar) return;
    const isKnown = last !== null && options.repeatPenalty === undefined && !hasLaterGrammar;
    const config = isKnown ? last : this.#resolve(options);
    if (last !== null) config.dryRepeatPenaltySequenceBreakers = false;
    if (seed !== null) config.seed = seed();
    this.#native.applyConfig(config);
    this.#config = config;
  }

  /**
   * The library has no way to give a sampler a memory. It remembers what it has sampled, so what it is to remember is sampled once
   * more from the first logits that come, each token with a bias that leaves no other.
   */
  async #sampleWithMemory(context: NativeContext, logitsAt: number): Promise<number> {
    const { dryRepeatPenalty } = this.#sampling.options;
    const options = { temperature: 0, ...(dryRepeatPenalty === undefined ? {} : { dryRepeatPenalty }) };
    const memory = { ...this.#resolve(options), seed: NO_SEED, tokenBiasValues: Float32Array.of(FORCE) };
    for (const token of this.#sampling.remembered) {
      this.#native.applyConfig({ ...memory, tokenBiasKeys: Uint32Array.of(token) });
      memory.dryRepeatPenaltySequenceBreakers = false;
      await context.sampleToken(logitsAt, this.#native);
    }
    this.#configure();
    return context.sampleToken(logitsAt, this.#native);
  }
}

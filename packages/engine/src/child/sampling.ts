import { AppError, type GenerateRequest } from "@llamero/core";
import type { LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from "node-llama-cpp";

type Params = GenerateRequest["params"];

/** llama.cpp's defaults where the request is silent; greedy, so that a job gives the same answer when it is run again. */
const defaults = {
  temperature: 0,
  topK: 40,
  topP: 0.95,
  minP: 0,
  repeatLastN: 64,
  xtcThreshold: 0.1,
  dryBase: 1.75,
  dryAllowedLength: 2,
};

function repeatPenalty(params: Params, generated: readonly Token[]): SequenceEvaluateOptions["repeatPenalty"] {
  const { repeat_penalty = 1, presence_penalty = 0, frequency_penalty = 0, repeat_last_n = defaults.repeatLastN } = params;
  if (repeat_last_n === 0 || (repeat_penalty === 1 && presence_penalty === 0 && frequency_penalty === 0)) return undefined;
  return {
    penalty: repeat_penalty,
    presencePenalty: presence_penalty,
    frequencyPenalty: frequency_penalty,
    punishTokens: () => generated.slice(-repeat_last_n),
    maxPunishTokens: repeat_last_n,
  };
}

/** In this llama.cpp, -1 turns DRY off instead of meaning the whole context, so that the length is named. */
function dryPenalty(params: Params, contextLength: number): SequenceEvaluateOptions["dryRepeatPenalty"] {
  if (!params.dry_multiplier) return undefined;
  const { dry_penalty_last_n: lastN = -1, dry_sequence_breakers: sequenceBreakers } = params;
  return {
    strength: params.dry_multiplier,
    base: params.dry_base ?? defaults.dryBase,
    allowedLength: params.dry_allowed_length ?? defaults.dryAllowedLength,
    lastTokens: lastN === -1 ? contextLength : lastN,
    ...(sequenceBreakers === undefined ? {} : { sequenceBreakers }),
  };
}

/**
 * The sampling options of a request, for one evaluation.
 * @param contextLength tokens that a slot holds
 * @param generated the tokens sampled so far, kept current by the caller: penalties look at them, not at the prompt
 */
export function samplingOptions(params: Params, generated: readonly Token[], contextLength: number): SequenceEvaluateOptions {
  const repeat = repeatPenalty(params, generated);
  const dry = dryPenalty(params, contextLength);
  return {
    temperature: params.temperature ?? defaults.temperature,
    topK: params.top_k ?? defaults.topK,
    topP: params.top_p ?? defaults.topP,
    minP: params.min_p ?? defaults.minP,
    // Absent, node-llama-cpp takes the wall clock.
    seed: params.seed,
    ...(repeat === undefined ? {} : { repeatPenalty: repeat }),
    ...(dry === undefined ? {} : { dryRepeatPenalty: dry }),
    ...(params.xtc_probability
      ? { xtc: { probability: params.xtc_probability, threshold: params.xtc_threshold ?? defaults.xtcThreshold } }
      : {}),
  };
}

/** The stop texts of a request as a list. */
export function stopTexts(params: Params): string[] {
  return params.stop === undefined ? [] : [params.stop].flat();
}

/**
 * The biases of a request: token id → what is added to its logit.
 * @throws AppError `invalid_request` for ids that the model does not have
 */
export function logitBiases(params: Params, vocabularySize: number, endTokens: () => Iterable<Token>): Map<Token, number> {
  const biases = new Map<Token, number>();
  for (const [id, bias] of Object.entries(params.logit_bias ?? {})) {
    if (Number(id) >= vocabularySize) {
      const text = `params.logit_bias names token ${id}; the model's tokens go from 0 to ${vocabularySize - 1}.`;
      throw new AppError("invalid_request", text, { param: "params.logit_bias" });
    }
    biases.set(Number(id) as Token, bias);
  }
  if (params.ignore_eos) for (const token of endTokens()) biases.set(token, Number.NEGATIVE_INFINITY);
  return biases;
}

/**
 * Puts biases into a TokenBias as they are. Its own `set` drops end-of-generation tokens, which are the ones that callers bias
 * most; the map it fills is internal, so the exact version of node-llama-cpp is pinned and a model test watches the effect.
 */
export function applyBiases(tokenBias: TokenBias, biases: ReadonlyMap<Token, number>): TokenBias {
  const target = (tokenBias as unknown as { _biases: Map<Token, number> })._biases;
  for (const [token, bias] of biases) target.set(token, bias);
  return tokenBias;
}

/** Every token that ends a generation. */
export function endTokens(model: LlamaModel): Token[] {
  return [...model.iterateAllTokens()].filter((token) => model.isEogToken(token));
}

import type { LlamaGrammarEvaluationState, Token } from "node-llama-cpp";

/** Internal to node-llama-cpp, whose exact version is pinned; model tests watch the effect. */
interface StateInside {
  _state: unknown;
  _llama: { _bindings: { AddonSampler: { acceptGrammarEvaluationStateToken(state: unknown, token: Token): void } } };
}

/**
 * Moves a grammar along by a token that was not sampled under this state.
 * @throws Error when the grammar does not allow it; the state is of no use then
 */
export function acceptToken(state: LlamaGrammarEvaluationState, token: Token): void {
  const { _state, _llama } = state as unknown as StateInside;
  _llama._bindings.AddonSampler.acceptGrammarEvaluationStateToken(_state, token);
}

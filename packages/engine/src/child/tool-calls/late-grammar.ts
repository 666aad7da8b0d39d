import type { Llama, LlamaGrammarEvaluationState, LlamaModel, Token } from "node-llama-cpp";

/** Internal to node-llama-cpp, whose exact version is pinned; a model test watches the effect. */
interface Internals {
  _bindings: { AddonSampler: { acceptGrammarEvaluationStateToken(state: unknown, token: Token): void } };
}

/** A grammar that an answer follows from some point on: free until then. */
export class LateGrammar {
  readonly #model: LlamaModel;
  readonly #state: LlamaGrammarEvaluationState;
  #hasBegun = false;

  constructor(model: LlamaModel, state: LlamaGrammarEvaluationState) {
    this.#model = model;
    this.#state = state;
  }

  /** What the next token has to follow; undefined before the beginning. */
  get current(): LlamaGrammarEvaluationState | undefined {
    return this.#hasBegun ? this.#state : undefined;
  }

  /** Begins, with text that is there already. Where that is not of the grammar, the answer stays free. */
  begin(text: string): void {
    const { AddonSampler } = (this.#model.llama as Llama as unknown as Internals)._bindings;
    const { _state } = this.#state as unknown as { _state: unknown };
    try {
      for (const token of this.#model.tokenize(text, true, "trimLeadingSpace"))
        AddonSampler.acceptGrammarEvaluationStateToken(_state, token);
      this.#hasBegun = true;
    } catch {
      // The model has written something else; the reader of the answer decides what it is.
    }
  }
}

import type { LlamaGrammarEvaluationState, LlamaModel } from "node-llama-cpp";
import { acceptToken } from "../grammar-token.ts";

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
    try {
      for (const token of this.#model.tokenize(text, true, "trimLeadingSpace")) acceptToken(this.#state, token);
      this.#hasBegun = true;
    } catch {
      // The model has written something else; the reader of the answer decides what it is.
    }
  }
}

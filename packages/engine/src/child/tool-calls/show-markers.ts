import type { LlamaModel, Token } from "node-llama-cpp";
import type { Detokenize } from "../token-text.ts";

/** Those of the texts that are control tokens of a model, which it leaves out of text: token → text. */
export function hiddenMarkers(model: LlamaModel, markers: readonly string[]): ReadonlyMap<number, string> {
  const hidden = new Map<number, string>();
  for (const marker of markers) {
    const [token, ...others] = model.tokenize(marker, true, "trimLeadingSpace");
    if (token !== undefined && others.length === 0 && model.detokenize([token]) === "") hidden.set(token, marker);
  }
  return hidden;
}

/** Detokenizes with these control tokens in the text, and no others. */
export function showMarkers(detokenize: Detokenize, hidden: ReadonlyMap<number, string>): Detokenize {
  if (hidden.size === 0) return detokenize;
  return (tokens, before) => {
    let [text, run, context]: [string, Token[], number[]] = ["", [], before];
    for (const token of tokens) {
      const marker = hidden.get(token);
      if (marker === undefined) {
        run.push(token as Token);
        continue;
      }
      text += detokenize(run, context) + marker;
      context = [...context, ...run, token];
      run = [];
    }
    return text + detokenize(run, context);
  };
}

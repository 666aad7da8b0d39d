import type { GenerateRequest } from "@llamero/core";
import type { LlamaModel, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { type AnswerText, MixedAnswer } from "./answer-text.ts";
import { formatOf } from "./formats.ts";
import { GenericAnswer } from "./generic.ts";
import { LateGrammar } from "./late-grammar.ts";
import { offerOf } from "./offered-tools.ts";
import { hiddenMarkers } from "./show-markers.ts";
import { type GrammarHost, toolGrammarState } from "./tool-grammar.ts";

/** How one generation makes calls. */
export interface ToolCalling {
  grammar: NonNullable<SequenceEvaluateOptions["grammarEvaluationState"]>;
  answer: AnswerText;
  /** Control tokens that belong into its text. */
  markers: ReadonlyMap<number, string>;
}

/** How many last tokens of a prompt tell whether it begins a thought. */
const TAIL_TOKENS = 8;

/** Templates of models that always think begin the thought themselves. */
function beginsThought(model: LlamaModel, prompt: readonly Token[]): boolean {
  return /<think>\s*$/.test(model.detokenize(prompt.slice(-TAIL_TOKENS), true));
}

/**
 * How a request's tools are called; null when it offers none.
 * @param host with the model's chat template
 * @throws AppError `unsupported_schema`, `invalid_request`
 */
export async function toolCalling(
  host: GrammarHost & { template: string },
  request: GenerateRequest,
  prompt: readonly Token[],
): Promise<ToolCalling | null> {
  const offer = offerOf(request);
  if (offer === null) return null;
  const format = formatOf(host.template);
  const isForced = !offer.mayAnswer && format !== null;
  const state = await toolGrammarState(host, { offer, format, isInThought: isForced && beginsThought(host.model, prompt) });
  const offered = new Set(offer.callable.map((tool) => tool.function.name));
  if (format === null) return { grammar: state, answer: new GenericAnswer(offered), markers: new Map() };
  const markers = hiddenMarkers(host.model, format.markers);
  if (isForced) return { grammar: state, answer: new MixedAnswer({ format, offered, onCalls: () => {} }), markers };
  const late = new LateGrammar(host.model, state);
  const answer = new MixedAnswer({ format, offered, onCalls: (written) => late.begin(written) });
  return { grammar: () => late.current, answer, markers };
}

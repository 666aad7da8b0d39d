import { AppError, type Tool, toAppError } from "@llamero/core";
import { type Llama, type LlamaGrammar, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import { mendSchemaGrammar } from "../grammar.ts";
import type { GrammarCache } from "../grammar-cache.ts";
import { afterThought, withArguments } from "./call-rules.ts";
import { genericGrammar } from "./generic.ts";
import type { Offer } from "./offered-tools.ts";
import type { ToolFormat } from "./tool-format.ts";

/** All that the grammar of an answer follows from. */
export interface Rules {
  offer: Offer;
  /** Null: the generic form. */
  format: ToolFormat | null;
  /** Whether a thought that the prompt has begun comes first. */
  isInThought: boolean;
}

export interface GrammarHost {
  llama: Llama;
  model: LlamaModel;
  /** States that belong to this model. */
  grammars: GrammarCache<LlamaGrammarEvaluationState>;
}

const NO_ARGUMENTS = { type: "object", properties: {} };

async function argumentsGrammar(llama: Llama, tool: Tool): Promise<string> {
  const schema = tool.function.parameters ?? NO_ARGUMENTS;
  try {
    const { grammar } = await llama.createGrammarForJsonSchema(schema as Parameters<Llama["createGrammarForJsonSchema"]>[0]);
    return mendSchemaGrammar(grammar);
  } catch (error) {
    const text = `The parameters of ${tool.function.name} could not be turned into a grammar; simplify them.`;
    throw new AppError("unsupported_schema", text, { param: "params.tools", cause: error });
  }
}

async function compile(llama: Llama, { offer, format, isInThought }: Rules): Promise<LlamaGrammar> {
  const { callable, isParallel, mayAnswer } = offer;
  const written = await Promise.all(callable.map((tool) => argumentsGrammar(llama, tool)));
  const grammar = withArguments(callable, written, (calls) =>
    format === null ? genericGrammar({ calls, isParallel, mayAnswer }) : format.grammar({ calls, isParallel }),
  );
  return llama.createGrammar({ grammar: isInThought ? afterThought(grammar) : grammar });
}

function keyOf({ offer: { callable, isParallel, mayAnswer }, format, isInThought }: Rules): string {
  const functions = callable.map((tool) => [tool.function.name, tool.function.parameters]);
  return `tools ${JSON.stringify([format?.name, isParallel, mayAnswer, isInThought, functions])}`;
}

/**
 * The grammar of calls at its start, for one generation.
 * @throws AppError `unsupported_schema`, `invalid_request`
 */
export function toolGrammarState({ llama, model, grammars }: GrammarHost, rules: Rules): Promise<LlamaGrammarEvaluationState> {
  return grammars.state(keyOf(rules), async () => {
    try {
      return new LlamaGrammarEvaluationState({ model, grammar: await compile(llama, rules) });
    } catch (error) {
      throw toAppError(error, "invalid_request", "The grammar of these tools cannot be used with this model.");
    }
  });
}

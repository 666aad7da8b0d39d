import { readJsonSchema, SchemaBudget, toAppError } from "@llamero/core";
import { type Llama, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import type { GrammarCache } from "../grammar-cache.ts";
import { addSchema } from "../json-schema/compile-schema.ts";
import { GrammarRules } from "../json-schema/grammar-rules.ts";
import { afterThought, type CallRule } from "./call-rules.ts";
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

/** Of a function that says nothing of its parameters. */
const NO_ARGUMENTS = { type: "object", additionalProperties: false };

/** The grammar of calls: the format's rules, and those of the functions' arguments. */
function grammarOf({ offer, format, isInThought }: Rules): string {
  const { listed, callable, isParallel, mayAnswer } = offer;
  const budget = new SchemaBudget();
  const rules = new GrammarRules();
  const calls = callable.map((tool): CallRule => {
    const { name, parameters = NO_ARGUMENTS } = tool.function;
    const at = `params.tools.${listed.indexOf(tool)}.function.parameters`;
    return { name, argumentsRule: addSchema(rules, readJsonSchema(parameters, at, budget)) };
  });
  const grammar = format === null ? genericGrammar({ calls, isParallel, mayAnswer }) : format.grammar({ calls, isParallel });
  return `${isInThought ? afterThought(grammar) : grammar}\n${rules.finish()}`;
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
      const grammar = await llama.createGrammar({ grammar: grammarOf(rules) });
      return new LlamaGrammarEvaluationState({ model, grammar });
    } catch (error) {
      throw toAppError(error, "invalid_request", "The grammar of these tools cannot be used with this model.");
    }
  });
}

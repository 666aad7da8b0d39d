import { AppError, type GenerateRequest, readJsonSchema, toAppError } from "@llamero/core";
import { type Llama, type LlamaGrammar, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import type { GrammarCache } from "./grammar-cache.ts";
import { schemaGrammar } from "./json-schema/compile-schema.ts";

type Params = GenerateRequest["params"];

const SCHEMA_PARAM = "params.response_format.json_schema.schema";
/** Any object. */
const ANY_OBJECT = { type: "object" };

async function jsonGrammar(llama: Llama, schema: Record<string, unknown>): Promise<LlamaGrammar> {
  return llama.createGrammar({ grammar: schemaGrammar(readJsonSchema(schema, SCHEMA_PARAM)) });
}

async function textGrammar(llama: Llama, grammar: string): Promise<LlamaGrammar> {
  try {
    return await llama.createGrammar({ grammar });
  } catch (error) {
    const text =
      "params.grammar is no valid GBNF grammar; it needs a rule named root, defined rules only, and no left recursion.";
    throw new AppError("invalid_request", text, { param: "params.grammar", cause: error });
  }
}

/** What a request constrains its output by: the text that it is known by, and how it is compiled. */
interface Constraint {
  key: string;
  compile: (llama: Llama) => Promise<LlamaGrammar>;
}

/** The order of a schema's keys is part of it: answers have their properties in that order. */
function constraintOf({ grammar, response_format: format }: Params): Constraint | null {
  if (grammar !== undefined) return { key: `gbnf ${grammar}`, compile: (llama) => textGrammar(llama, grammar) };
  if (format?.type === "json_schema") {
    const { schema } = format.json_schema;
    return { key: `schema ${JSON.stringify(schema)}`, compile: (llama) => jsonGrammar(llama, schema) };
  }
  return format?.type === "json_object" ? { key: "json", compile: (llama) => jsonGrammar(llama, ANY_OBJECT) } : null;
}

interface Hosted {
  llama: Llama;
  model: LlamaModel;
  /** States that belong to this model. */
  grammars: GrammarCache<LlamaGrammarEvaluationState>;
}

/**
 * The grammar of a request at its start, for one generation; null when the output is free.
 * @throws AppError `invalid_request`, `unsupported_schema`
 */
export async function grammarState(
  { llama, model, grammars }: Hosted,
  params: Params,
): Promise<LlamaGrammarEvaluationState | null> {
  const constraint = constraintOf(params);
  if (constraint === null) return null;
  if (params.ignore_eos) {
    const text = "params.ignore_eos cannot be combined with a grammar: a grammar ends the output by the end token.";
    throw new AppError("invalid_request", text, { param: "params.ignore_eos" });
  }
  return grammars.state(constraint.key, async () => {
    const grammar = await constraint.compile(llama);
    try {
      return new LlamaGrammarEvaluationState({ model, grammar });
    } catch (error) {
      throw toAppError(error, "invalid_request", "The grammar cannot be used with this model.");
    }
  });
}

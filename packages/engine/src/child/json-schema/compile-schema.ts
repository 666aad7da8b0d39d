import { alternatives, anyCount, type SchemaDocument, type Shape } from "@llamero/core";
import { array } from "./arrays.ts";
import { format } from "./formats.ts";
import { GrammarRules } from "./grammar-rules.ts";
import { literals } from "./literals.ts";
import { anyInteger, anyNumber, numbersBetween } from "./numbers.ts";
import { object } from "./objects.ts";
import { measured, pattern } from "./patterns.ts";
import { characters, quoted } from "./strings.ts";

const anyValue: Shape = { kind: "any" };
/** What a value may be where nothing is said about it. */
const anyKinds: readonly Shape[] = [
  { kind: "object", properties: [], additional: { name: { kind: "string", count: anyCount }, value: anyValue }, count: anyCount },
  { kind: "array", first: [], rest: anyValue, count: anyCount },
  { kind: "string", count: anyCount },
  { kind: "number", minimum: null, maximum: null, decimals: 0 },
  { kind: "boolean" },
  { kind: "null" },
];

/** The characters of a string, without its quotes. */
function charactersOf(rules: GrammarRules, shape: Shape): string {
  switch (shape.kind) {
    case "string":
      return characters(rules, shape.count);
    case "pattern":
      return pattern(rules, shape.pattern);
    case "measured":
      return measured(rules, shape.automaton, shape);
    case "format":
      return format(rules, shape.format);
    default:
      throw new Error(`A shape of the kind ${shape.kind} is no string.`);
  }
}

/** An expression of a shape: exactly the JSON that fits it, and no more white space than a space behind colons and commas. */
function compile(rules: GrammarRules, shape: Shape, definitions: SchemaDocument["definitions"]): string {
  const expressionOf = (inner: Shape): string => compile(rules, inner, definitions);
  switch (shape.kind) {
    case "any":
      return rules.later(anyValue, () => anyKinds.map(expressionOf).join(" | "));
    case "null":
      return '"null"';
    case "boolean":
      return rules.name('"true" | "false"');
    case "integer":
    case "number":
      return rules.name(numberRule(shape));
    case "string":
    case "pattern":
    case "measured":
    case "format":
      return quoted(rules, charactersOf(rules, shape));
    case "literals":
      return literals(rules, shape.values);
    case "array":
      return array(rules, shape, expressionOf);
    case "object":
      return object(rules, shape, { expressionOf, charactersOf: (name) => charactersOf(rules, name) });
    case "union":
      return rules.name(alternatives(shape, definitions).map(expressionOf).join(" | "));
    case "reference": {
      const target = definitions.get(shape.to);
      if (target === undefined) throw new Error(`The schema has no definition ${shape.to}.`);
      return rules.later(target, () => expressionOf(target));
    }
    case "never":
      throw new Error(`The schema has a part that nothing fits: ${shape.at} ${shape.why}`);
  }
}

function numberRule(shape: Extract<Shape, { kind: "integer" | "number" }>): string {
  const isBounded = shape.minimum !== null || shape.maximum !== null;
  if (shape.kind === "integer") return isBounded ? numbersBetween({ ...shape, decimals: 0 }) : anyInteger;
  return isBounded ? numbersBetween(shape) : anyNumber;
}

/** Adds the rules of a schema to a grammar; the expression of the whole. */
export function addSchema(rules: GrammarRules, { root, definitions }: SchemaDocument): string {
  return compile(rules, root, definitions);
}

/** The grammar of a schema by itself. An answer ends where its JSON ends. */
export function schemaGrammar(document: SchemaDocument): string {
  const rules = new GrammarRules();
  const root = addSchema(rules, document);
  return `root ::= ${root}\n${rules.finish()}`;
}

import type { SchemaBudget } from "./budget.ts";
import { isObject, type JsonType, type Part } from "./keywords.ts";
import { refuse } from "./refuse.ts";
import type { Json, Shape } from "./shape.ts";

/** Deeper values are refused before anything walks through them. */
const MAX_LITERAL_DEPTH = 32;

function isOfType(value: Json, type: JsonType): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function checkValue(value: unknown, at: string, depth = 0): void {
  if (value === Infinity || value === -Infinity) refuse(at, "has a number that is too large.");
  if (depth > MAX_LITERAL_DEPTH) refuse(at, `is nested deeper than ${MAX_LITERAL_DEPTH} levels.`);
  if (typeof value === "object" && value !== null) for (const item of Object.values(value)) checkValue(item, at, depth + 1);
}

/** The same for equal values: the order of keys does not count. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    return isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item;
  });
}

type Values = ReadonlyMap<string, Json>;

/** The lists of values of one schema, each value by its text. */
function listsOf({ schema, at }: Part, budget: SchemaBudget): Values[] {
  return (["const", "enum"] as const)
    .filter((keyword) => Object.hasOwn(schema, keyword))
    .map((keyword) => {
      const given = keyword === "const" ? [schema[keyword]] : (schema[keyword] as unknown[]);
      budget.nodes(given.length, `${at}.${keyword}`);
      checkValue(given, `${at}.${keyword}`);
      return new Map(given.map((value) => [textOf(value), value as Json]));
    });
}

/** What a literal may stand beside; of other keywords it would have to be judged, by patterns too. */
const beside: readonly string[] = ["type", "const", "enum", "format"];

function checkBeside(parts: readonly Part[], constraints: (part: Part) => string[]): void {
  for (const part of parts) {
    const other = constraints(part).find((name) => !beside.includes(name));
    if (other !== undefined) refuse(`${part.at}.${other}`, "would not be enforced beside const or enum.");
  }
}

function checkTypes(values: Values, types: readonly JsonType[], { schema, at }: Part): void {
  const other = [...values].find(([, value]) => !types.some((type) => isOfType(value, type)));
  const keyword = Object.hasOwn(schema, "const") ? "const" : "enum";
  if (other !== undefined) refuse(`${at}.${keyword}`, `has a value that is not of type ${types.join(" or ")}: ${other[0]}.`);
}

/**
 * The values that schemas list which all hold; null when none of them lists any.
 * @param types of the value, as the schemas have it together; null: any
 * @param constraints the keywords of a schema that constrain the value
 */
export function readLiterals(
  parts: readonly Part[],
  types: readonly JsonType[] | null,
  { budget, constraints }: { budget: SchemaBudget; constraints: (part: Part) => string[] },
): Shape | null {
  const [first, ...others] = parts.flatMap((part) => listsOf(part, budget));
  if (first === undefined) return null;
  checkBeside(parts, constraints);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && types !== null) checkTypes(first, types, only);
  const values = [...first].filter(
    ([text, value]) => others.every((list) => list.has(text)) && (types === null || types.some((type) => isOfType(value, type))),
  );
  const at = only?.at ?? "";
  if (values.length === 0) return { kind: "never", at, why: "has no value that its schemas have in common." };
  for (const [text] of values) budget.grammar(2 * text.length + 24, at);
  return { kind: "literals", values: values.map(([, value]) => value) };
}

import fc, { type Arbitrary } from "fast-check";
import { seededRandom } from "../random.ts";
import { randomGrammar } from "../random-grammar.ts";
import { oddText } from "./odd-value.ts";
import type { Api, Schema } from "./operations.ts";

/** Name of a parameter, a property or an operation with a body → values that the server knows, which no schema tells. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

const ABSENT = Symbol("absent");
/** Of five optional properties one is given: with more, hardly a body would get past the rules between properties. */
const ABSENT_WEIGHT = 4;
/** Longest texts and lists that are made where the schema has no lower limit. */
const MOST_CHARS = 40;
const MOST_ITEMS = 3;
const MOST_PAIRS = 18;

const keywords = [
  "type",
  "properties",
  "required",
  "items",
  "enum",
  "anyOf",
  "allOf",
  "$ref",
  "$defs",
  "pattern",
  "minimum",
] as const;
const moreKeywords = ["maxLength", "format", "additionalProperties", "const", "not", "if", "uniqueItems", "minItems"] as const;
const keywordValues = [
  "object",
  "string",
  "array",
  "integer",
  "#",
  "#/$defs/a",
  "date",
  "^(a+)+$",
  "[",
  true,
  false,
  0,
  -1,
  1e9,
] as const;

/** What looks like JSON Schema, and often is. */
const { schemaLike } = fc.letrec((tie) => ({
  schemaLike: fc.dictionary(
    fc.constantFrom(...keywords, ...moreKeywords),
    fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom<unknown>(...keywordValues),
      fc.array(fc.constantFrom<unknown>("a", "string", null, 1), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "é", "__proto__"), tie("schemaLike"), { maxKeys: 2 }),
      tie("schemaLike"),
    ),
    { maxKeys: 4 },
  ),
}));

const grammar = fc.nat().map((seed) => randomGrammar(seededRandom(seed)));

/** Names whose values have a language of their own. */
const languages: Readonly<Record<string, Arbitrary<unknown>>> = { schema: schemaLike, parameters: schemaLike, grammar };

/** Makes values of schemas: most conform, and some are at a limit or one beyond it. */
export class SchemaValues {
  readonly #resolve: Api["resolve"];
  readonly #known: Known;

  constructor(resolve: Api["resolve"], known: Known) {
    this.#resolve = resolve;
    this.#known = known;
  }

  /** @param name of the parameter or property that the value is for */
  of(schema: Schema, name = ""): Arbitrary<unknown> {
    const own = this.#ofSchema(this.#resolve(schema));
    const known = this.#known[name];
    const language = languages[name];
    if (known !== undefined) return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: own });
    return language === undefined ? own : fc.oneof({ weight: 4, arbitrary: language }, { weight: 1, arbitrary: own });
  }

  /** Bodies of an operation that the server is known to take, and others that its schema allows. */
  ofBody(schema: Schema, operationId: string): Arbitrary<unknown> {
    const taken = this.#known[operationId];
    return taken === undefined ? this.of(schema) : fc.oneof(this.of(schema), fc.constantFrom(...taken));
  }

  #ofSchema(schema: Schema): Arbitrary<unknown> {
    const branches = schema.oneOf ?? schema.anyOf;
    if (branches !== undefined) return fc.oneof(...branches.map((branch) => this.of(branch)));
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    const types = [schema.type ?? []].flat();
    return types.length === 0 ? fc.jsonValue({ maxDepth: 2 }) : fc.oneof(...types.map((type) => this.#ofType(type, schema)));
  }

  #ofType(type: string, schema: Schema): Arbitrary<unknown> {
    switch (type) {
      case "object":
        return this.#object(schema);
      case "array":
        return this.#array(schema);
      case "string":
        return text(schema);
      case "integer":
      case "number":
        return number(schema, type === "integer");
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      default:
        throw new Error(`no values are made of the type ${type}`);
    }
  }

  #array({ items = {}, minItems = 0, maxItems = MOST_ITEMS }: Schema): Arbitrary<unknown> {
    return fc.array(this.of(items), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, MOST_ITEMS)) });
  }

  #object({ properties, required = [], additionalProperties = {}, propertyNames }: Schema): Arbitrary<unknown> {
    if (properties === undefined) {
      const values = typeof additionalProperties === "object" ? additionalProperties : {};
      const names = propertyNames === undefined ? oddText : text(this.#resolve(propertyNames));
      return fc.dictionary(names, this.of(values), { maxKeys: MOST_PAIRS, size: "-1" });
    }
    const entries = Object.entries(properties).map(([name, schema]) => {
      const value = this.of(schema, name);
      if (required.includes(name)) return fc.tuple(fc.constant(name), value);
      const options = [
        { weight: ABSENT_WEIGHT, arbitrary: fc.constant<unknown>(ABSENT) },
        { weight: 1, arbitrary: value },
      ];
      return fc.tuple(fc.constant(name), fc.oneof({ withCrossShrink: true }, ...options));
    });
    return fc.tuple(...entries).map((pairs) => Object.fromEntries(pairs.filter(([, value]) => value !== ABSENT)));
  }
}

function text({ pattern, minLength = 0, maxLength }: Schema): Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const usual = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength ?? MOST_CHARS, MOST_CHARS)) });
  const atLimit = maxLength === undefined ? [] : [fc.constantFrom("m".repeat(maxLength), "m".repeat(maxLength + 1))];
  return fc.oneof({ weight: 8, arbitrary: usual }, ...atLimit.map((arbitrary) => ({ weight: 1, arbitrary })));
}

function number(schema: Schema, isInteger: boolean): Arbitrary<number> {
  const min = schema.minimum ?? schema.exclusiveMinimum ?? -1_000;
  const max = schema.maximum ?? schema.exclusiveMaximum ?? 1_000;
  const within = isInteger ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
  const atLimit = fc.constantFrom(min, max, min - 1, max + 1);
  return fc.oneof({ weight: 8, arbitrary: within }, { weight: 1, arbitrary: atLimit });
}

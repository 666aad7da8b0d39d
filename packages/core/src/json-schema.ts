import { AppError } from "./errors.ts";

/**
 * The part of JSON Schema that the grammar compiler honours, as a table: keyword → the check of its value.
 * Anything else is refused by name at submission: a constraint that is dropped in silence is a wrong answer later.
 * Source: node-llama-cpp 3.22.1, `utils/gbnfJson/types.d.ts`.
 */
type Check = (value: unknown, at: string, depth: number) => void;

const MAX_DEPTH = 32;
const MAX_NODES = 2_000;
const scalarTypes = ["string", "number", "integer", "boolean", "null"];
const formats = ["date-time", "time", "date"];
const annotations = new Set(["title", "description", "$schema", "$id", "$comment", "examples", "default"]);

function refuse(at: string, why: string): never {
  throw new AppError("unsupported_schema", `${at} ${why}`, { param: at });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isLiteral = (value: unknown) => value === null || ["string", "number", "boolean"].includes(typeof value);

const count: Check = (value, at) => {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 10_000)
    refuse(at, "must be a whole number from 0 to 10000.");
};

class SchemaWalk {
  private nodes = 0;
  private readonly definitions: Record<string, unknown>;

  constructor(root: Record<string, unknown>) {
    this.definitions = isObject(root["$defs"]) ? root["$defs"] : {};
  }

  private readonly many: Check = (value, at, depth) => {
    if (!Array.isArray(value) || value.length === 0) refuse(at, "must be a list of at least one schema.");
    for (const [index, item] of value.entries()) this.node(item, `${at}.${index}`, depth);
  };

  private readonly named: Check = (value, at, depth) => {
    if (!isObject(value)) refuse(at, "must be an object of schemas.");
    for (const [name, item] of Object.entries(value)) this.node(item, `${at}.${name}`, depth);
  };

  private readonly keywords: Record<string, Check> = {
    type: (value, at) => {
      const list = Array.isArray(value) ? value : [value];
      const known = Array.isArray(value) ? scalarTypes : [...scalarTypes, "object", "array"];
      const bad = list.find((type) => !known.includes(type as string));
      if (list.length === 0 || bad !== undefined) refuse(at, `must be one of ${known.join(", ")}.`);
    },
    const: (value, at) => isLiteral(value) || refuse(at, "must be a string, number, boolean or null."),
    enum: (value, at) => {
      if (!Array.isArray(value) || value.length === 0 || !value.every(isLiteral))
        refuse(at, "must be a list of strings, numbers, booleans or null.");
    },
    oneOf: this.many,
    $ref: (value, at) => {
      const name = typeof value === "string" && value.startsWith("#/$defs/") ? value.slice("#/$defs/".length) : null;
      if (name === null || !Object.hasOwn(this.definitions, name))
        refuse(at, "must point into the schema's own $defs, as in #/$defs/name.");
    },
    $defs: this.named,
    minLength: count,
    maxLength: count,
    format: (value, at) => formats.includes(value as string) || refuse(at, `must be one of ${formats.join(", ")}.`),
    properties: this.named,
    required: (value, at) => {
      if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
        refuse(at, "must be a list of property names.");
    },
    additionalProperties: (value, at, depth) => {
      if (typeof value !== "boolean") this.node(value, at, depth);
    },
    minProperties: count,
    maxProperties: count,
    items: (value, at, depth) => this.node(value, at, depth),
    prefixItems: this.many,
    minItems: count,
    maxItems: count,
  };

  node(schema: unknown, at: string, depth: number): void {
    if (!isObject(schema)) refuse(at, "must be an object.");
    if (depth > MAX_DEPTH) refuse(at, `is nested deeper than ${MAX_DEPTH} levels.`);
    if (++this.nodes > MAX_NODES) refuse(at, `is larger than ${MAX_NODES} schema nodes.`);
    for (const [keyword, value] of Object.entries(schema)) {
      if (annotations.has(keyword)) continue;
      const check = Object.hasOwn(this.keywords, keyword) ? this.keywords[keyword] : undefined;
      if (check === undefined)
        refuse(`${at}.${keyword}`, `is not supported. Supported: ${Object.keys(this.keywords).join(", ")}.`);
      check(value, `${at}.${keyword}`, depth + 1);
    }
    this.shape(schema, at);
  }

  /** Rules across keywords: a node says what it is, and optional properties cannot be promised. */
  private shape(schema: Record<string, unknown>, at: string): void {
    if (!["type", "const", "enum", "oneOf", "$ref"].some((keyword) => keyword in schema))
      refuse(at, "needs one of type, const, enum, oneOf or $ref.");
    const { format, minLength, maxLength, properties, required } = schema;
    if (format !== undefined && (minLength !== undefined || maxLength !== undefined))
      refuse(at, "cannot combine format with minLength or maxLength.");
    if (Array.isArray(required) && isObject(properties)) {
      const missing = Object.keys(properties).filter((name) => !required.includes(name));
      if (missing.length > 0)
        refuse(`${at}.required`, `must name every property (every property is generated); missing: ${missing.join(", ")}.`);
    }
  }
}

/**
 * Checks that every constraint of a JSON Schema can be enforced by the grammar.
 * @throws AppError `unsupported_schema`, with the path of the first keyword at fault as `param`
 */
export function checkJsonSchema(schema: unknown, at: string): void {
  if (!isObject(schema)) refuse(at, "must be an object.");
  new SchemaWalk(schema).node(schema, at, 0);
}

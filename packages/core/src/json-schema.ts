import { AppError } from "./errors.ts";

/**
 * The part of JSON Schema that the grammar compiler honours, as tables: keyword → the check of its value, and keyword →
 * what may stand beside it. Anything else is refused by name at submission: a constraint that is dropped in silence is a
 * wrong answer later.
 * Source: node-llama-cpp 3.22.1, `utils/gbnfJson/types.d.ts`.
 */
type Check = (value: unknown, at: string, depth: number) => void;

const MAX_DEPTH = 32;
const MAX_NODES = 2_000;
const REF_PREFIX = "#/$defs/";
const scalarTypes = ["string", "number", "integer", "boolean", "null"];
const formats = ["date-time", "time", "date"];
const annotations = new Set(["title", "description", "$schema", "$id", "$comment", "examples", "default"]);

/** What decides a node, in the compiler's order, and which keywords it then still reads; the others it drops. */
const companions: Record<string, readonly string[]> = { $ref: [], oneOf: [], const: ["type"], enum: ["type"] };
const companionsOfType: Record<string, readonly string[]> = {
  string: ["minLength", "maxLength", "format"],
  object: ["properties", "required", "additionalProperties", "minProperties", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
};
const bounds = [
  ["minLength", "maxLength"],
  ["minItems", "maxItems"],
  ["minProperties", "maxProperties"],
] as const;

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

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

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
      this.nodes += value.length;
    },
    oneOf: this.many,
    $ref: (value, at) => {
      const name = typeof value === "string" && value.startsWith(REF_PREFIX) ? value.slice(REF_PREFIX.length) : null;
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
    this.together(schema, at);
    this.sizes(schema, at);
  }

  /** A node says what it is, and holds nothing that the compiler would not read beside that. */
  private together(schema: Record<string, unknown>, at: string): void {
    const deciding = [...Object.keys(companions), "type"].find((keyword) => Object.hasOwn(schema, keyword));
    if (deciding === undefined) refuse(at, "needs one of type, const, enum, oneOf or $ref.");
    const { type } = schema;
    const read = companions[deciding] ?? (typeof type === "string" ? companionsOfType[type] : undefined) ?? [];
    const dropped = Object.keys(schema).find(
      (keyword) => keyword !== deciding && keyword !== "$defs" && !annotations.has(keyword) && !read.includes(keyword),
    );
    if (dropped !== undefined) {
      const beside = deciding === "type" ? `type ${JSON.stringify(type)}` : deciding;
      refuse(`${at}.${dropped}`, `would not be enforced beside ${beside}.`);
    }
    if (deciding === "const" || deciding === "enum") this.literals([schema[deciding]].flat(), type, `${at}.${deciding}`);
    if (schema["format"] !== undefined && (schema["minLength"] !== undefined || schema["maxLength"] !== undefined))
      refuse(at, "cannot combine format with minLength or maxLength.");
  }

  private literals(values: unknown[], type: unknown, at: string): void {
    if (type === undefined) return;
    const types = [type].flat();
    const other = values.find((value) => !types.some((candidate) => isOfType(value, candidate)));
    if (other !== undefined) refuse(at, `has a value that is not of type ${types.join(" or ")}: ${JSON.stringify(other)}.`);
  }

  /** Bounds that contradict each other or the listed properties and items; every listed property is generated. */
  private sizes(schema: Record<string, unknown>, at: string): void {
    for (const [least, most] of bounds)
      if (Number(schema[least] ?? 0) > Number(schema[most] ?? Infinity)) refuse(`${at}.${most}`, `is less than ${least}.`);
    const { properties, required, maxProperties, prefixItems, maxItems } = schema;
    const names = isObject(properties) ? Object.keys(properties) : [];
    if (names.length > Number(maxProperties ?? Infinity)) refuse(`${at}.maxProperties`, "is less than the number of properties.");
    if (Array.isArray(prefixItems) && prefixItems.length > Number(maxItems ?? Infinity))
      refuse(`${at}.maxItems`, "is less than the number of prefixItems.");
    if (!Array.isArray(required)) return;
    const missing = names.filter((name) => !required.includes(name));
    if (missing.length > 0)
      refuse(`${at}.required`, `must name every property (every property is generated); missing: ${missing.join(", ")}.`);
    const unknown = required.filter((name) => !names.includes(name));
    if (unknown.length > 0) refuse(`${at}.required`, `names what is not among the properties: ${unknown.join(", ")}.`);
  }

  /** A definition that leads back to itself before it spells anything describes nothing, and no grammar can be made of it. */
  cycles(at: string): void {
    for (const name of Object.keys(this.definitions)) {
      const seen = new Set<string>();
      const ahead = this.leadsTo(this.definitions[name]);
      for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
        if (next === name) refuse(`${at}.$defs.${name}`, "refers to itself with nothing in between.");
        if (seen.has(next)) continue;
        seen.add(next);
        ahead.push(...this.leadsTo(this.definitions[next]));
      }
    }
  }

  private leadsTo(schema: unknown): string[] {
    if (!isObject(schema)) return [];
    const { $ref, oneOf } = schema;
    if (typeof $ref === "string") return [$ref.slice(REF_PREFIX.length)];
    return Array.isArray(oneOf) ? oneOf.flatMap((item) => this.leadsTo(item)) : [];
  }
}

/**
 * Checks that every constraint of a JSON Schema can be enforced by the grammar.
 * @throws AppError `unsupported_schema`, with the path of the first keyword at fault as `param`
 */
export function checkJsonSchema(schema: unknown, at: string): void {
  if (!isObject(schema)) refuse(at, "must be an object.");
  const walk = new SchemaWalk(schema);
  walk.node(schema, at, 0);
  walk.cycles(at);
}

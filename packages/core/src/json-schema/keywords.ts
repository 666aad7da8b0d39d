import { refuse } from "./refuse.ts";

export const jsonTypes = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
export type JsonType = (typeof jsonTypes)[number];

/** A schema, or one of several that hold for the same value, with its path. */
export interface Part {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly at: string;
}

interface Keyword {
  /** The form of its value; schemas within it are looked at when they are read. */
  check(value: unknown, at: string): void;
  /** The types that it says something about; absent: any. */
  of?: readonly JsonType[];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isSchema = (value: unknown) => isObject(value) || value === true;

function schema(value: unknown, at: string): void {
  if (value === false) refuse(at, "is false, which nothing fits; leave out what may not be there.");
  if (!isSchema(value)) refuse(at, "must be a schema: an object or true.");
}

function schemaOrFalse(value: unknown, at: string): void {
  if (value !== false) schema(value, at);
}

function schemas(value: unknown, at: string): void {
  if (!Array.isArray(value) || value.length === 0) refuse(at, "must be a list of at least one schema.");
  for (const [index, item] of value.entries()) schema(item, `${at}.${index}`);
}

function namedSchemas(value: unknown, at: string): void {
  if (!isObject(value)) refuse(at, "must be an object of schemas.");
  for (const [name, item] of Object.entries(value)) schema(item, `${at}.${name}`);
}

/** Definitions are read where something refers to them. */
function definitions(value: unknown, at: string): void {
  if (!isObject(value)) refuse(at, "must be an object of schemas.");
}

function count(value: unknown, at: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(at, "must be a whole number, 0 or more.");
}

function number(value: unknown, at: string): void {
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(at, "must be a number.");
}

/** Draft 4 has a boolean here, which says how the bound beside it is meant. */
function exclusiveBound(value: unknown, at: string): void {
  if (typeof value !== "boolean") number(value, at);
}

function text(value: unknown, at: string): void {
  if (typeof value !== "string") refuse(at, "must be a string.");
}

/** Only what asks for nothing: the keyword cannot be enforced otherwise. */
function only(allowed: unknown, why: string) {
  return (value: unknown, at: string): void => {
    if (value !== allowed) refuse(at, why);
  };
}

const numbers = ["number", "integer"] as const;

/** Every keyword that is honoured, in the order in which they are named to the caller. Any other is refused by name. */
export const keywords: Readonly<Record<string, Keyword>> = {
  type: {
    check(value, at) {
      const bad = [value].flat().find((type) => !jsonTypes.includes(type as JsonType));
      if ([value].flat().length === 0 || bad !== undefined)
        refuse(at, `must be one of ${jsonTypes.join(", ")}, or a list of them.`);
    },
  },
  const: { check: () => {} },
  enum: {
    check(value, at) {
      if (!Array.isArray(value) || value.length === 0) refuse(at, "must be a list of at least one value.");
    },
  },
  nullable: {
    check(value, at) {
      if (typeof value !== "boolean") refuse(at, "must be true or false.");
    },
  },
  anyOf: { check: schemas },
  oneOf: { check: schemas },
  allOf: { check: schemas },
  $ref: { check: text },
  $defs: { check: definitions },
  definitions: { check: definitions },
  properties: { check: namedSchemas, of: ["object"] },
  required: {
    check(value, at) {
      if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
        refuse(at, "must be a list of property names, beside properties.");
    },
    of: ["object"],
  },
  additionalProperties: { check: schemaOrFalse, of: ["object"] },
  unevaluatedProperties: { check: only(false, "is only supported as false."), of: ["object"] },
  patternProperties: { check: namedSchemas, of: ["object"] },
  propertyNames: { check: schema, of: ["object"] },
  minProperties: { check: count, of: ["object"] },
  maxProperties: { check: count, of: ["object"] },
  items: { check: (value, at) => (Array.isArray(value) ? schemas : schemaOrFalse)(value, at), of: ["array"] },
  prefixItems: { check: schemas, of: ["array"] },
  additionalItems: { check: schemaOrFalse, of: ["array"] },
  minItems: { check: count, of: ["array"] },
  maxItems: { check: count, of: ["array"] },
  uniqueItems: { check: only(false, "cannot be enforced; leave it out, and check the items."), of: ["array"] },
  minLength: { check: count, of: ["string"] },
  maxLength: { check: count, of: ["string"] },
  pattern: { check: text, of: ["string"] },
  minimum: { check: number, of: numbers },
  maximum: { check: number, of: numbers },
  exclusiveMinimum: { check: exclusiveBound, of: numbers },
  exclusiveMaximum: { check: exclusiveBound, of: numbers },
  multipleOf: { check: only(1, "can only be enforced when it is 1."), of: numbers },
  format: { check: text },
};

/** What describes and constrains nothing. `discriminator`, `example`, `xml` and `externalDocs` are OpenAPI's. */
const annotations: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$anchor", "$comment", "$vocabulary", "id"],
  ...["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"],
  ...["contentMediaType", "contentEncoding", "contentSchema", "discriminator", "example", "xml", "externalDocs"],
]);
/** Keywords that are no constraint of the schema that they stand in, or are read apart from those. */
const structure: ReadonlySet<string> = new Set(["$ref", "$defs", "definitions", "allOf"]);

/** OpenAPI's extensions begin with x-. */
const isAnnotation = (keyword: string) => annotations.has(keyword) || keyword.startsWith("x-");

/** A name without check is no keyword, though every object may have a property of that name. */
const keywordOf = (name: string): Keyword | undefined => (Object.hasOwn(keywords, name) ? keywords[name] : undefined);

/** Checks the keywords of one schema and the form of their values. */
export function checkKeywords({ schema, at }: Part): void {
  for (const [name, value] of Object.entries(schema)) {
    if (isAnnotation(name)) continue;
    const keyword = keywordOf(name);
    if (keyword === undefined) refuse(`${at}.${name}`, `is not supported. Supported: ${Object.keys(keywords).join(", ")}.`);
    keyword.check(value, `${at}.${name}`);
  }
}

/** The keywords of a schema that constrain the value itself. */
export function constraintsOf(schema: Part["schema"]): string[] {
  const isIdle = (name: string) => isAnnotation(name) || structure.has(name) || (name === "nullable" && schema[name] === false);
  return Object.keys(schema).filter((name) => !isIdle(name));
}

/** The types that a keyword says something about; undefined: it is not about one type. */
export function typesConstrainedBy(name: string): readonly JsonType[] | undefined {
  return keywordOf(name)?.of;
}

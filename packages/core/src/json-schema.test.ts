import { describe, expect, test } from "vitest";
import { AppError } from "./errors.ts";
import { checkJsonSchema } from "./json-schema.ts";

/** What a schema is refused for: the path after the root and the message; null when it is taken. */
function refusal(schema: unknown): { path: string; message: string } | null {
  try {
    checkJsonSchema(schema, "schema");
    return null;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "unsupported_schema" || error.param === null) throw error;
    return { path: error.param.replace(/^schema\.?/, ""), message: error.message };
  }
}
const pathOf = (schema: unknown) => refusal(schema)?.path ?? null;
const text = { type: "string" };

describe("takes", () => {
  test.each([
    { type: "string", minLength: 0, maxLength: 10_000 },
    { type: "string", format: "date-time" },
    { type: "string", format: "time" },
    { type: "string", format: "date" },
    { type: "number" },
    { type: "integer" },
    { type: "boolean" },
    { type: "null" },
    { type: ["string", "null"] },
    { const: "a" },
    { const: null },
    { const: 0, type: "integer" },
    { enum: ["a", 1, true, null] },
    { type: "string", enum: ["a", "b"] },
    { type: ["string", "null"], enum: ["a", null] },
    { oneOf: [text, { type: "number" }] },
    { type: "object" },
    { type: "object", properties: { a: text }, required: ["a"], additionalProperties: false },
    { type: "object", properties: { a: text } },
    { type: "object", additionalProperties: { type: "number" }, minProperties: 1, maxProperties: 2 },
    { type: "array", items: text, minItems: 1, maxItems: 3 },
    { type: "array", prefixItems: [text, { type: "number" }], maxItems: 2 },
    { $defs: { a: text }, $ref: "#/$defs/a" },
    { $defs: { a: text }, type: "object", properties: { x: { $ref: "#/$defs/a" } } },
    { type: "string", title: "t", description: "d", $schema: "s", $id: "i", $comment: "c", examples: [1], default: {} },
  ])("%j", (schema) => expect(refusal(schema)).toBeNull());
});

describe("refuses", () => {
  test.each<[unknown, string]>([
    [[], ""],
    ["string", ""],
    [null, ""],
    [true, ""],
    [{}, ""],
    [{ description: "anything" }, ""],
    [{ type: "date" }, "type"],
    [{ type: [] }, "type"],
    [{ type: ["string", "object"] }, "type"],
    [{ type: 1 }, "type"],
    [{ const: {} }, "const"],
    [{ const: [] }, "const"],
    [{ enum: [] }, "enum"],
    [{ enum: "a" }, "enum"],
    [{ enum: [{}] }, "enum"],
    [{ oneOf: [] }, "oneOf"],
    [{ oneOf: text }, "oneOf"],
    [{ oneOf: [text, { type: "x" }] }, "oneOf.1.type"],
    [{ $ref: "#/$defs/a" }, "$ref"],
    [{ $ref: "#/definitions/a", $defs: { a: text } }, "$ref"],
    [{ $ref: "https://example.com/a.json" }, "$ref"],
    [{ $ref: 1 }, "$ref"],
    [{ $defs: [], type: "string" }, "$defs"],
    [{ $defs: { a: { type: "x" } }, type: "string" }, "$defs.a.type"],
    [{ type: "string", minLength: -1 }, "minLength"],
    [{ type: "string", minLength: 1.5 }, "minLength"],
    [{ type: "string", maxLength: 10_001 }, "maxLength"],
    [{ type: "string", maxLength: "5" }, "maxLength"],
    [{ type: "string", maxLength: Number.NaN }, "maxLength"],
    [{ type: "string", format: "email" }, "format"],
    [{ type: "string", format: "date", minLength: 1 }, ""],
    [{ type: "object", properties: [] }, "properties"],
    [{ type: "object", properties: { a: 1 } }, "properties.a"],
    [{ type: "object", properties: { a: { type: "object", properties: { b: {} } } } }, "properties.a.properties.b"],
    [{ type: "object", properties: { a: text }, required: "a" }, "required"],
    [{ type: "object", properties: { a: text }, required: [1] }, "required"],
    [{ type: "object", properties: { a: text, b: text }, required: ["a"] }, "required"],
    [{ type: "object", properties: { a: text }, required: [] }, "required"],
    [{ type: "object", properties: { a: text }, required: ["a", "b"] }, "required"],
    [{ type: "object", required: ["a"] }, "required"],
    [{ type: "object", additionalProperties: 1 }, "additionalProperties"],
    [{ type: "object", additionalProperties: { type: "x" } }, "additionalProperties.type"],
    [{ type: "object", minProperties: -1 }, "minProperties"],
    [{ type: "object", maxProperties: null }, "maxProperties"],
    [{ type: "array", items: [text] }, "items"],
    [{ type: "array", items: false }, "items"],
    [{ type: "array", prefixItems: [] }, "prefixItems"],
    [{ type: "array", prefixItems: [{}] }, "prefixItems.0"],
    [{ type: "array", minItems: "1" }, "minItems"],
    [{ type: "array", maxItems: -1 }, "maxItems"],
  ])("%j at %j", (schema, path) => expect(pathOf(schema)).toBe(path));

  test.each([
    "anyOf",
    "allOf",
    "not",
    "if",
    "pattern",
    "minimum",
    "multipleOf",
    "uniqueItems",
    "patternProperties",
    "nullable",
    "Type",
  ])("the keyword %s by name, naming those there are", (keyword) => {
    expect(pathOf({ ...text, [keyword]: 1 })).toBe(keyword);
    expect(refusal({ ...text, [keyword]: 1 })?.message).toMatch(/is not supported\. Supported: type, const, enum/);
  });

  test.each<[object, string]>([
    [{ type: "string", minLength: 2, maxLength: 1 }, "maxLength"],
    [{ type: "array", minItems: 2, maxItems: 1 }, "maxItems"],
    [{ type: "object", minProperties: 2, maxProperties: 1 }, "maxProperties"],
    [{ type: "object", properties: { a: text, b: text }, maxProperties: 1 }, "maxProperties"],
    [{ type: "array", prefixItems: [text, text], maxItems: 1 }, "maxItems"],
    [{ type: "string", enum: ["a", 1] }, "enum"],
    [{ type: "integer", const: 1.5 }, "const"],
    [{ type: "null", const: "a" }, "const"],
  ])("the contradiction %j", (schema, path) => expect(pathOf(schema)).toBe(path));

  test.each<[object, string]>([
    [{ enum: ["a"], minLength: 1 }, "minLength"],
    [{ const: "a", oneOf: [text] }, "const"],
    [{ oneOf: [text], type: "string" }, "type"],
    [{ $defs: { a: text }, $ref: "#/$defs/a", maxLength: 1 }, "maxLength"],
    [{ type: "number", minLength: 1 }, "minLength"],
    [{ type: "string", properties: { a: text } }, "properties"],
    [{ type: "object", items: text }, "items"],
    [{ type: ["string", "null"], maxLength: 3 }, "maxLength"],
  ])("what the grammar would drop in silence: %j", (schema, path) => {
    expect(pathOf(schema)).toBe(path);
    expect(refusal(schema)?.message).toContain("would not be enforced beside");
  });
});

describe("size", () => {
  const nest = (levels: number): object => {
    let schema: object = text;
    for (let i = 0; i < levels; i++) schema = { type: "array", items: schema };
    return schema;
  };

  test("ends nesting at 32 levels, however deep it goes on", () => {
    expect(refusal(nest(32))).toBeNull();
    expect(refusal(nest(33))?.message).toContain("nested deeper than 32");
    expect(refusal(nest(100_000))?.message).toContain("nested deeper than 32");
  });

  test("ends width at 2000 nodes, listed values included", () => {
    const wide = (count: number) => ({ oneOf: Array.from({ length: count }, () => text) });
    expect(refusal(wide(1_999))).toBeNull();
    expect(refusal(wide(2_000))?.message).toContain("larger than 2000");
    expect(refusal({ oneOf: [{ enum: Array(2_000).fill("a") }, text] })?.message).toContain("larger than 2000");
  });
});

describe("recursion", () => {
  const node = { type: "object", properties: { next: { oneOf: [{ type: "null" }, { $ref: "#/$defs/node" }] } } };

  test("is taken where something comes before it", () => {
    expect(refusal({ $defs: { node }, $ref: "#/$defs/node" })).toBeNull();
  });

  test.each<[object, string]>([
    [{ a: { $ref: "#/$defs/a" } }, "$defs.a"],
    [{ a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, "$defs.a"],
    [{ a: text, b: { oneOf: [text, { oneOf: [{ $ref: "#/$defs/b" }] }] } }, "$defs.b"],
  ])("is refused where nothing does: %j", ($defs, path) => {
    expect(pathOf({ $defs, type: "string" })).toBe(path);
  });
});

describe("names that every object has", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];
  const parse = (json: string): unknown => JSON.parse(json);

  test.each(names)("%s is no keyword", (name) => {
    expect(pathOf(parse(`{"type":"string","${name}":1}`))).toBe(name);
    expect(pathOf(parse(`{"${name}":{"type":"string"}}`))).toBe(name);
  });

  test.each(names)("%s is a property like any other", (name) => {
    expect(refusal(parse(`{"type":"object","properties":{"${name}":{"type":"string"}},"required":["${name}"]}`))).toBeNull();
    expect(pathOf(parse(`{"type":"object","properties":{"${name}":{"type":"x"}}}`))).toBe(`properties.${name}.type`);
    expect(pathOf(parse(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a","${name}"]}`))).toBe("required");
  });

  test.each(names)("%s is a definition only where it is defined", (name) => {
    expect(refusal(parse(`{"$defs":{"${name}":{"type":"string"}},"$ref":"#/$defs/${name}"}`))).toBeNull();
    expect(pathOf(parse(`{"$defs":{"a":{"type":"string"}},"$ref":"#/$defs/${name}"}`))).toBe("$ref");
    expect(pathOf(parse(`{"$ref":"#/$defs/${name}"}`))).toBe("$ref");
  });

  test.each(names)("%s is no type and no format", (name) => {
    expect(pathOf({ type: name })).toBe("type");
    expect(pathOf({ type: "string", format: name })).toBe("format");
  });
});

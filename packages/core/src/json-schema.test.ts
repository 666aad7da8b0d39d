import { describe, expect, test } from "vitest";
import { refusal } from "../test/schema-refusal.ts";
import { readJsonSchema } from "./json-schema.ts";

const pathOf = (schema: unknown) => refusal(schema)?.path ?? null;
const text = { type: "string" };
const named = { type: "object", properties: { a: text } };

describe("takes", () => {
  test.each<[string, object[]]>([
    ["any value", [{}, { description: "anything" }, { title: "t", default: null, deprecated: true, "x-order": 1 }]],
    [
      "types",
      [
        ...["string", "number", "integer", "boolean", "null", "object", "array"].map((type) => ({ type })),
        { type: ["string", "null"] },
        { type: ["object", "array", "integer", "null"], properties: { a: text }, items: text, maximum: 3 },
        { type: ["string", "null"], maxLength: 3 },
        { ...text, nullable: true },
        { ...text, enum: ["a", null], nullable: true },
        { nullable: false, ...text },
      ],
    ],
    [
      "types that follow from what is said",
      [{ properties: { a: text } }, { required: [], properties: {} }, { items: text }, { minLength: 1 }, { minimum: 0 }],
    ],
    [
      "listed values",
      [
        { const: { a: [1, null] } },
        { const: null },
        { const: 0, type: "integer" },
        { enum: ["a", 1, true, null, [], { a: 1 }] },
        { ...text, enum: ["a", "b"], format: "color" },
        { enum: ["a", "b"], allOf: [{ enum: ["b", "c"] }] },
      ],
    ],
    [
      "strings",
      [
        { ...text, minLength: 0, maxLength: Number.MAX_SAFE_INTEGER },
        ...["date-time", "date", "time", "uuid", "email", "hostname", "ipv4", "uri", "ipv6", "color"].map((format) => ({
          ...text,
          format,
        })),
        { ...text, format: "uri", minLength: 1, maxLength: 2083 },
        { ...text, format: "email", maxLength: 10 },
        { ...text, contentEncoding: "base64" },
        { ...text, pattern: "^[a-z]+$", minLength: 2, maxLength: 63 },
        { ...text, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 63 },
        { ...text, pattern: "^[A-Z]{3}$", minLength: 3, maxLength: 3 },
      ],
    ],
    [
      "numbers",
      [
        { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991, format: "int64" },
        { type: "integer", maximum: 9223372036854775e3 },
        { type: "integer", exclusiveMinimum: 0.5, multipleOf: 1 },
        { type: "number", minimum: 0, maximum: 1 },
        { type: "number", exclusiveMinimum: -1e-7, exclusiveMaximum: 1e300 },
        { type: "number", minimum: 0, exclusiveMinimum: true },
      ],
    ],
    [
      "objects",
      [
        { type: "object", properties: { a: text, b: text }, required: ["a"], additionalProperties: false },
        { type: "object", properties: { a: text }, required: [], additionalProperties: text },
        { type: "object", properties: { a: true }, unevaluatedProperties: false },
        { type: "object", additionalProperties: { type: "number" }, minProperties: 1, maxProperties: 20 },
        { type: "object", additionalProperties: text, required: ["b"] },
        { type: "object", properties: { a: text, b: text }, minProperties: 1, maxProperties: 1 },
        { type: "object", propertyNames: text, additionalProperties: text },
        { type: "object", propertyNames: { pattern: "^[a-z]+$" }, additionalProperties: text },
        { type: "object", propertyNames: { enum: ["a", "b"] }, additionalProperties: text, required: ["a"] },
        { type: "object", patternProperties: { "^x-": text }, additionalProperties: false },
      ],
    ],
    [
      "arrays",
      [
        { type: "array", items: text, minItems: 1, maxItems: 100_000, uniqueItems: false },
        { type: "array", prefixItems: [text, { type: "number" }], items: false, maxItems: 2 },
        { type: "array", items: [text, text], additionalItems: false },
        { type: "array", items: false },
        { type: "array", items: true },
      ],
    ],
    [
      "combinations",
      [
        { anyOf: [text, { type: "null" }] },
        { oneOf: [text, named], discriminator: { propertyName: "a" } },
        { allOf: [text], description: "one" },
        { allOf: [named, { type: "object", properties: { b: text }, required: ["b"] }] },
        { ...named, anyOf: [{ required: ["a"] }, { properties: { b: text }, required: ["b"] }] },
        { type: "object", oneOf: [named, { properties: { b: text } }] },
        { type: "string", anyOf: [{ type: "integer" }, { maxLength: 3 }] },
        {
          allOf: [
            { type: "number", minimum: 1 },
            { type: "integer", maximum: 4 },
          ],
        },
      ],
    ],
    [
      "references",
      [
        { $defs: { a: text }, $ref: "#/$defs/a" },
        { definitions: { "a/b ~": text }, $ref: "#/definitions/a~1b%20~0", description: "d", default: "x" },
        { type: "object", properties: { a: text, b: { $ref: "#/properties/a" } } },
        { type: "object", properties: { list: { items: { $ref: "#" } } } },
        { $defs: { a: named }, $ref: "#/$defs/a", required: ["a"] },
        { $defs: { a: named }, allOf: [{ $ref: "#/$defs/a" }, { properties: { b: text } }], nullable: true },
        { $defs: { unused: { not: {} } }, ...text },
      ],
    ],
  ])("%s", (_name, schemas) => {
    for (const schema of schemas) expect(refusal(schema), JSON.stringify(schema)).toBeNull();
  });
});

describe("refuses", () => {
  test.each<[unknown, string]>([
    [[], ""],
    ["string", ""],
    [null, ""],
    [true, ""],
    [{ type: "date" }, "type"],
    [{ type: [] }, "type"],
    [{ type: ["string", "date"] }, "type"],
    [{ type: 1 }, "type"],
    [{ enum: [] }, "enum"],
    [{ enum: "a" }, "enum"],
    [{ enum: [Infinity] }, "enum"],
    [{ nullable: "yes" }, "nullable"],
    [{ oneOf: [] }, "oneOf"],
    [{ anyOf: text }, "anyOf"],
    [{ oneOf: [text, { type: "x" }] }, "oneOf.1.type"],
    [{ allOf: [text, false] }, "allOf.1"],
    [{ $ref: "#/$defs/a" }, "$ref"],
    [{ $ref: "#/definitions/a", $defs: { a: text } }, "$ref"],
    [{ $ref: "https://example.com/a.json" }, "$ref"],
    [{ $ref: "#a", $defs: { a: text } }, "$ref"],
    [{ $ref: "#/%", $defs: { a: text } }, "$ref"],
    [{ $ref: 1 }, "$ref"],
    [{ $defs: [], type: "string" }, "$defs"],
    [{ $defs: { a: { type: "x" } }, $ref: "#/$defs/a" }, "$defs.a.type"],
    [{ type: "string", minLength: -1 }, "minLength"],
    [{ type: "string", minLength: 1.5 }, "minLength"],
    [{ type: "string", maxLength: "5" }, "maxLength"],
    [{ type: "string", format: 1 }, "format"],
    [{ type: "string", pattern: 1 }, "pattern"],
    [{ type: "number", minimum: "0" }, "minimum"],
    [{ type: "number", multipleOf: 0.01 }, "multipleOf"],
    [{ type: "integer", minimum: 1e17 }, "minimum"],
    [{ type: "object", properties: [] }, "properties"],
    [{ type: "object", properties: { a: 1 } }, "properties.a"],
    [{ type: "object", properties: { a: false } }, "properties.a"],
    [{ type: "object", properties: { a: { properties: { b: { not: {} } } } } }, "properties.a.properties.b.not"],
    [{ type: "object", properties: { a: text }, required: "a" }, "required"],
    [{ type: "object", properties: { a: { ...text, required: true } } }, "properties.a.required"],
    [{ type: "object", properties: { a: text }, required: ["a", "b"] }, "required"],
    [{ type: "object", required: ["a"] }, "required"],
    [{ type: "object", additionalProperties: 1 }, "additionalProperties"],
    [{ type: "object", additionalProperties: { type: "x" } }, "additionalProperties.type"],
    [{ type: "object", unevaluatedProperties: true }, "unevaluatedProperties"],
    [{ type: "object", minProperties: 2 }, "minProperties"],
    [{ type: "object", maxProperties: null }, "maxProperties"],
    [{ type: "object", patternProperties: { a: text, b: text } }, "patternProperties"],
    [{ ...named, patternProperties: { "^x": text } }, "patternProperties"],
    [{ patternProperties: { "^x": text }, additionalProperties: true }, "patternProperties"],
    [{ patternProperties: { "^x": text }, propertyNames: { maxLength: 3 } }, "patternProperties"],
    [{ ...named, propertyNames: { maxLength: 3 } }, "propertyNames"],
    [{ ...named, propertyNames: { enum: ["b"] } }, "propertyNames"],
    [{ type: "object", propertyNames: { type: "integer" } }, "propertyNames.type"],
    [{ type: "array", items: 1 }, "items"],
    [{ type: "array", prefixItems: [] }, "prefixItems"],
    [{ type: "array", prefixItems: [{ not: {} }] }, "prefixItems.0.not"],
    [{ type: "array", minItems: "1" }, "minItems"],
    [{ type: "array", uniqueItems: true }, "uniqueItems"],
  ])("%j at %j", (schema, path) => expect(pathOf(schema)).toBe(path));

  test.each(["not", "if", "contains", "dependentRequired", "$dynamicRef", "strict", "Type"])(
    "the keyword %s by name, naming those there are",
    (keyword) => {
      expect(pathOf({ ...text, [keyword]: 1 })).toBe(keyword);
      expect(refusal({ ...text, [keyword]: 1 })?.message).toMatch(/is not supported\. Supported: type, const, enum/);
    },
  );

  test.each<[object, string]>([
    [{ type: "string", minLength: 2, maxLength: 1 }, "maxLength"],
    [{ type: "array", minItems: 2, maxItems: 1 }, "maxItems"],
    [{ type: "array", items: false, minItems: 1 }, "minItems"],
    [{ type: "object", additionalProperties: true, minProperties: 2, maxProperties: 1 }, "maxProperties"],
    [{ type: "object", properties: { a: text, b: text }, required: ["a", "b"], maxProperties: 1 }, "maxProperties"],
    [{ ...named, minProperties: 2 }, "minProperties"],
    [{ type: "string", enum: ["a", 1] }, "enum"],
    [{ type: "integer", const: 1.5 }, "const"],
    [{ type: "null", const: "a" }, "const"],
    [{ type: "integer", minimum: 0.2, maximum: 0.8 }, "minimum"],
    [{ type: "number", minimum: 1, exclusiveMaximum: 1 }, "minimum"],
    [{ type: "string", pattern: "^a{3}$", minLength: 4 }, "pattern"],
    [{ allOf: [text, { type: "integer" }] }, "allOf.0.type"],
    [{ allOf: [{ enum: [1] }, { enum: [2] }] }, "allOf.0"],
    [{ allOf: [{ ...named, additionalProperties: false }, { properties: { b: text } }] }, "allOf.0.additionalProperties"],
  ])("the contradiction %j", (schema, path) => expect(pathOf(schema)).toBe(path));

  test.each<[object, string]>([
    [{ enum: ["a"], minLength: 1 }, "minLength"],
    [{ type: "number", minLength: 1 }, "minLength"],
    [{ type: "string", properties: { a: text } }, "properties"],
    [{ type: "object", items: text }, "items"],
    [{ allOf: [text, { maximum: 3 }] }, "allOf.1.maximum"],
  ])("what would be dropped in silence: %j", (schema, path) => {
    expect(pathOf(schema)).toBe(path);
    expect(refusal(schema)?.message).toContain("would not be enforced beside");
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
    [{ a: { oneOf: [text, { oneOf: [{ $ref: "#/$defs/a" }] }] } }, "$defs.a"],
  ])("is refused where nothing does: %j", ($defs, path) => {
    expect(pathOf({ $defs, $ref: "#/$defs/a" })).toBe(path);
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
    const { root } = readJsonSchema(parse(`{"properties":{"${name}":{"type":"string"}},"required":["${name}"]}`), "schema");
    expect(root).toMatchObject({ properties: [{ name, isRequired: true }] });
    expect(pathOf(parse(`{"type":"object","properties":{"${name}":{"type":"x"}}}`))).toBe(`properties.${name}.type`);
    expect(pathOf(parse(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a","${name}"]}`))).toBe("required");
  });

  test.each(names)("%s is a definition only where it is defined", (name) => {
    expect(refusal(parse(`{"$defs":{"${name}":{"type":"string"}},"$ref":"#/$defs/${name}"}`))).toBeNull();
    expect(pathOf(parse(`{"$defs":{"a":{"type":"string"}},"$ref":"#/$defs/${name}"}`))).toBe("$ref");
    expect(pathOf(parse(`{"$ref":"#/$defs/${name}"}`))).toBe("$ref");
  });

  test.each(names)("%s is no type", (name) => {
    expect(pathOf({ type: name })).toBe("type");
  });
});

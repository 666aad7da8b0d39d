import { expect, test } from "vitest";
import { refusal } from "../../test/schema-refusal.ts";
import { readJsonSchema } from "../json-schema.ts";
import { SchemaBudget } from "./budget.ts";

const text = { type: "string" };
const named = { type: "object", properties: { a: text } };

const nest = (levels: number): object => {
  let schema: object = text;
  for (let i = 0; i < levels; i++) schema = { type: "array", items: schema };
  return schema;
};
const many = (count: number, of: (index: number) => [string, unknown]) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => of(index)));

test("ends nesting at 32 levels, however deep it goes on", () => {
  expect(refusal(nest(32))).toBeNull();
  expect(refusal(nest(33))?.message).toContain("nested deeper than 32");
  expect(refusal(nest(50_000))?.message).toContain("nested deeper than 32");
  let value: unknown = 1;
  for (let i = 0; i < 50_000; i++) value = [value];
  expect(refusal({ const: value })?.message).toContain("nested deeper than 32");
});

test("ends width at 5000 nodes, listed values included", () => {
  const wide = (count: number) => ({ anyOf: Array.from({ length: count }, () => text) });
  expect(refusal(wide(4_998))).toBeNull();
  expect(refusal(wide(5_000))?.message).toContain("larger than 5000");
  expect(refusal({ enum: Array(5_000).fill("a") })?.message).toContain("larger than 5000");
});

const options = { anyOf: [text, { type: "object" }] };
const twice = (index: number) => ({ anyOf: [{ $ref: `#/$defs/${index + 1}` }, { $ref: `#/$defs/${index + 2}` }] });
test.each<[string, object]>([
  ["choices of choices", { allOf: Array.from({ length: 12 }, () => options) }],
  ["schemas for one value", { allOf: Array.from({ length: 4_000 }, () => named) }],
  ["long values", { enum: Array.from({ length: 1_000 }, (_, index) => `${index}${"x".repeat(300)}`) }],
  ["counts of many lists", { properties: many(900, (index) => [`p${index}`, { items: { const: index }, maxItems: 1e5 }]) }],
  ["properties that are counted", { properties: many(200, (index) => [`p${index}`, {}]), minProperties: 100 }],
  ["definitions with one another's alternatives", { $ref: "#/$defs/0", $defs: many(600, (i) => [`${i}`, chained(i)]) }],
  ["names to be told apart", { properties: { ["n".repeat(300)]: {} }, additionalProperties: true }],
])("refuses %s", (_name, schema) => {
  const begin = performance.now();
  expect(refusal(schema)?.message).toMatch(/grammar too large|larger than 5000|more than 64 schemas|more than 256 characters/);
  expect(performance.now() - begin).toBeLessThan(1_000);
});

function chained(index: number): object {
  const next = index < 599 ? { $ref: `#/$defs/${index + 1}` } : { type: "null" };
  return { anyOf: [{ properties: { [`k${index}`]: {} } }, next] };
}

test("takes as many references as there are ways to go by them", () => {
  const $defs = many(100, (index) => [`${index}`, index < 98 ? twice(index) : { const: index }]);
  expect(refusal({ $ref: "#/$defs/0", $defs })).toBeNull();
});

test("counts the schemas of one request together", () => {
  const budget = new SchemaBudget();
  const schema = { enum: Array.from({ length: 2_000 }, (_, index) => `v${index}`) };
  readJsonSchema(schema, "a", budget);
  readJsonSchema(schema, "b", budget);
  expect(() => readJsonSchema(schema, "c", budget)).toThrow("c.enum makes this larger than 5000");
});

import { expect, it } from "vitest";
import { checkPlain, parseJson } from "./parse-json.ts";

const nested = (levels: number) => `${"[".repeat(levels)}1${"]".repeat(levels)}`;

it("gives what JSON.parse gives", () => {
  const values = [
    null,
    0,
    -1.5e-7,
    "",
    '\\"\\\\',
    { a: [{}, [], "]}[{,"], "": "\u00e9\ud83e\udd99" },
    ["\\", "\\\\", '\\"', '"'],
  ];
  for (const value of values) expect(parseJson(JSON.stringify(value))).toEqual(value);
  expect(parseJson(' {"a" : [ 1 , 2 ] } ')).toEqual({ a: [1, 2] });
});

it("shows where a text goes wrong, but not what stands beside a secret", () => {
  expect(() => parseJson('{"prompt":hello}')).toThrow('Unexpected token \'h\', "{"prompt":hello}" is not valid JSON');
  const refusal = expect.objectContaining({ message: "The body is not valid JSON: Unexpected token 'w'" });
  expect(() => parseJson('{"webhook":{"secret":whsec_QUJDREVG}}')).toThrow(refusal);
});

it("takes 64 levels and refuses 65, and 100,000 without a stack", () => {
  expect(() => parseJson(nested(64))).not.toThrow();
  expect(() => parseJson(nested(65))).toThrow("deeper than 64");
  expect(() => parseJson(nested(100_000))).toThrow("deeper than 64");
  expect(() => parseJson('{"a":'.repeat(100_000))).toThrow("deeper than 64");
});

it("does not count brackets and commas inside strings", () => {
  const text = "[{,".repeat(100_000);
  expect(parseJson(JSON.stringify({ text }))).toEqual({ text });
  expect(parseJson(JSON.stringify([`"${text}\\`]))).toEqual([`"${text}\\`]);
});

it("counts levels again after a string that ends in backslashes", () => {
  expect(() => parseJson(`["\\\\",${nested(65)}]`)).toThrow("deeper than 64");
});

it("takes 20,000 values and refuses more, before it builds them", () => {
  expect(parseJson(JSON.stringify(Array(19_998).fill(1)))).toHaveLength(19_998);
  expect(() => parseJson(JSON.stringify(Array(20_001).fill(1)))).toThrow("more than 20000 values");
  expect(() => parseJson(`[${"{},".repeat(20_000)}{}]`)).toThrow("more than 20000 values");
});

it.each([
  ['{"a":"\\ud800"}', "a has an unpaired surrogate", "a"],
  ['{"a":["x","\\udc00\\ud800"]}', "a.1 has an unpaired surrogate", "a.1"],
  ['"\\udfff"', "The body has an unpaired surrogate", null],
  ['{"\\uD800":1}', "The body has an unpaired surrogate", null],
  ['{"a":{"b":"x\\u0000y"}}', "a.b has a NUL character", "a.b"],
  ['{"__proto__":1}', "The body has the key __proto__", null],
  ['{"a":{"\\u005f_proto__":1}}', "a has the key __proto__", "a"],
  [`{"${"k".repeat(500)}":"\\u0000"}`, `${"k".repeat(100)}… has a NUL`, `${"k".repeat(100)}…`],
])("refuses %s", (text, message, param) => {
  expect(() => parseJson(text)).toThrow(
    expect.objectContaining({ code: "invalid_request", param, message: expect.stringContaining(message) }),
  );
});

it.each([
  '{"a":"\\ud83e\\udd99"}',
  '{"a":"\\\\u0000"}',
  '{"a":"__proto__ \\u005f"}',
  '{"constructor":{"prototype":1}}',
  '{"a":"\\u0001"}',
])("takes %s", (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

it("says where the JSON goes wrong", () => {
  expect(() => parseJson('{"a":tru}')).toThrow(
    expect.objectContaining({ code: "invalid_json", message: expect.stringContaining("Unexpected token '}'") }),
  );
});

it("holds what came otherwise to the same limits", () => {
  checkPlain({ a: ["b", 1, null, true], c: { d: "🦙" } });
  const many = (count: number) => ({ a: Array(count).fill("a") });
  checkPlain(many(19_998));
  const refusal = (param: string | null) => expect.objectContaining({ code: "invalid_request", param });
  expect(() => checkPlain(many(19_999))).toThrow(refusal(null));
  expect(() => checkPlain({ a: [{ b: "\0" }] })).toThrow(refusal("a.0.b"));
  expect(() => checkPlain({ a: "\ud800" })).toThrow(refusal("a"));
  expect(() => checkPlain({ "\0": 1 })).toThrow(refusal(null));
});

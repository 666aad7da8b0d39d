import { describe, expect, test } from "vitest";
import { paramsSchema } from "./params.ts";

const takes = (value: unknown) => paramsSchema.safeParse(value).success;

/** Parameter → lowest and highest value it takes, and what lies just outside; null: no such bound. */
const ranges: Record<string, { in: number[]; out: number[]; whole?: true }> = {
  max_tokens: { in: [1, 1_000_000], out: [0, -1, 1_000_001], whole: true },
  temperature: { in: [0, 5], out: [-0.001, 5.001] },
  top_p: { in: [0.001, 1], out: [0, 1.001, -1] },
  top_k: { in: [0, 1_000_000], out: [-1, 1_000_001], whole: true },
  min_p: { in: [0, 1], out: [-0.001, 1.001] },
  seed: { in: [0, 4_294_967_295], out: [-1, 4_294_967_296], whole: true },
  presence_penalty: { in: [-2, 2], out: [-2.001, 2.001] },
  frequency_penalty: { in: [-2, 2], out: [-2.001, 2.001] },
  repeat_penalty: { in: [0.001, 10], out: [0, 10.001] },
  repeat_last_n: { in: [0, 8_192], out: [-1, 8_193], whole: true },
  dry_multiplier: { in: [0, 10], out: [-0.001, 10.001] },
  dry_base: { in: [1, 10], out: [0.999, 10.001] },
  dry_allowed_length: { in: [0, 8_192], out: [-1, 8_193], whole: true },
  dry_penalty_last_n: { in: [-1, 1_000_000], out: [-2, 1_000_001], whole: true },
  xtc_probability: { in: [0, 1], out: [-0.001, 1.001] },
  xtc_threshold: { in: [0, 1], out: [-0.001, 1.001] },
};

describe.each(Object.entries(ranges))("%s", (name, range) => {
  test("takes what lies within its bounds and nothing beyond", () => {
    for (const value of range.in) expect(takes({ [name]: value }), String(value)).toBe(true);
    for (const value of range.out) expect(takes({ [name]: value }), String(value)).toBe(false);
    expect(takes({ [name]: 1.5 })).toBe(range.whole === undefined && 1.5 <= Math.max(...range.in));
  });

  test.each([Number.NaN, Infinity, -Infinity, "1", null, true, [1], {}])("refuses %j as a value", (value) => {
    expect(takes({ [name]: value })).toBe(false);
  });
});

test("has bounds tested for every number that there is", () => {
  const aboutTools = ["tools", "tool_choice", "parallel_tool_calls"];
  const others = ["stop", "dry_sequence_breakers", "logit_bias", "ignore_eos", "response_format", "grammar", ...aboutTools];
  expect([...Object.keys(ranges), ...others].sort()).toEqual(Object.keys(paramsSchema.shape).sort());
});

test("takes nothing at all, and one stop text or several", () => {
  expect(takes({})).toBe(true);
  for (const stop of ["a", ["a"], Array(16).fill("a"), "x".repeat(256)]) expect(takes({ stop })).toBe(true);
  for (const stop of ["", [], [""], Array(17).fill("a"), "x".repeat(257), [1], null]) expect(takes({ stop })).toBe(false);
});

test("takes biases by token id", () => {
  for (const bias of [{}, { "0": -100 }, { "12345": 100 }]) expect(takes({ logit_bias: bias })).toBe(true);
  for (const bias of [
    { "01": 1 },
    { "-1": 1 },
    { " 1": 1 },
    { hello: 1 },
    { "1": 101 },
    { "1": Number.NaN },
    { "1": "1" },
    { "123456789": 1 },
    [],
  ])
    expect(takes({ logit_bias: bias }), JSON.stringify(bias)).toBe(false);
  const bias = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), 0]));
  expect([takes({ logit_bias: bias(1_024) }), takes({ logit_bias: bias(1_025) })]).toEqual([true, false]);
});

test("takes response formats in OpenAI's form and nothing near it", () => {
  const schema = { type: "object" };
  for (const format of [
    { type: "text" },
    { type: "json_object" },
    { type: "json_schema", json_schema: { name: "a", strict: null, schema } },
  ])
    expect(takes({ response_format: format }), JSON.stringify(format)).toBe(true);
  for (const format of [
    {},
    { type: "xml" },
    { type: "text", more: 1 },
    { type: "json_schema" },
    { type: "json_schema", json_schema: {} },
    { type: "json_schema", json_schema: { schema: [] } },
    "text",
  ])
    expect(takes({ response_format: format }), JSON.stringify(format)).toBe(false);
});

test("limits grammars and sequence breakers", () => {
  for (const [value, isTaken] of [
    [{ grammar: "x".repeat(65_536) }, true],
    [{ grammar: "x".repeat(65_537) }, false],
    [{ grammar: "" }, false],
    [{ dry_sequence_breakers: Array(32).fill("x") }, true],
    [{ dry_sequence_breakers: Array(33).fill("x") }, false],
    [{ dry_sequence_breakers: [""] }, false],
    [{ ignore_eos: true }, true],
    [{ ignore_eos: 1 }, false],
  ] as const)
    expect(takes(value)).toBe(isTaken);
});

test.each(['{"temprature":1}', '{"max_token":1}', '{"constructor":1}', '{"toString":1}', '{"__proto__":{"seed":1}}'])(
  "refuses the unknown parameter of %s by name",
  (json) => {
    const [name] = Object.keys(JSON.parse(json) as object);
    const issue = paramsSchema.safeParse(JSON.parse(json)).error?.issues[0];
    expect(issue).toMatchObject({ code: "unrecognized_keys", keys: [name] });
  },
);

test.each([
  ['{"logit_bias":{"__proto__":1}}', ["logit_bias", "__proto__"]],
  [
    '{"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","__proto__":{}}}}}',
    ["response_format", "json_schema", "schema", "__proto__"],
  ],
])("refuses a key __proto__ instead of dropping it: %s", (json, path) => {
  expect(paramsSchema.safeParse(JSON.parse(json)).error?.issues).toMatchObject([{ path }]);
});

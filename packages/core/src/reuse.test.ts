import { describe, expect, it } from "vitest";
import type { Params } from "./params.ts";
import { reusableForm, wantsReuse } from "./reuse.ts";
import { toJobRequest } from "./submit.ts";

/** What a chat with these params is kept under, as text; null: it is not. The seed that was drawn is `drawn`. */
function keptAs(params: Params, { prompt = "hello", drawn = 7 } = {}): string | null {
  const form = reusableForm(toJobRequest({ prompt, params }, drawn), params.seed !== undefined);
  return form === null ? null : JSON.stringify(form);
}

const plain = keptAs({});

describe("a request that draws nothing at random", () => {
  it("is the same whatever seed was drawn for it, or given", () => {
    expect(plain).not.toBeNull();
    expect(keptAs({}, { drawn: 8 })).toBe(plain);
    expect(keptAs({ seed: 3 })).toBe(plain);
  });

  it.each<Params>([
    { temperature: 0 },
    { top_p: 0.5 },
    { top_k: 1, min_p: 0.2 },
    { repeat_penalty: 1, presence_penalty: 0 },
    { response_format: { type: "text" } },
    { ignore_eos: false },
    { xtc_probability: 0 },
  ])("is the same with %j", (params) => {
    expect(keptAs(params)).toBe(plain);
  });

  it.each<Params>([
    { max_tokens: 5 },
    { stop: "x" },
    { repeat_penalty: 1.1 },
    { presence_penalty: 0.5 },
    { dry_multiplier: 0.8 },
    { logit_bias: { 5: -100 } },
    { ignore_eos: true },
    { response_format: { type: "json_object" } },
    { grammar: 'root ::= "x"' },
  ])("is another with %j", (params) => {
    expect(keptAs(params)).not.toBeNull();
    expect(keptAs(params)).not.toBe(plain);
  });

  it("is the same in whatever session", () => {
    const form = reusableForm(toJobRequest({ prompt: "hello", session_id: "chat-7" }, 7), false);
    expect(JSON.stringify(form)).toBe(plain);
  });

  it("is the same with what holds of tools anyway", () => {
    const tools = [{ type: "function" as const, function: { name: "now" } }];
    expect(keptAs({ tools, tool_choice: "auto", parallel_tool_calls: true })).toBe(keptAs({ tools }));
    expect(keptAs({ tools, tool_choice: "required" })).not.toBe(keptAs({ tools }));
    expect(keptAs({ tools })).not.toBe(plain);
  });

  it("is the same however its params are ordered, and with one stop text as with a list of one", () => {
    expect(keptAs({ max_tokens: 5, repeat_penalty: 2, stop: "x" })).toBe(
      keptAs({ stop: ["x"], repeat_penalty: 2, max_tokens: 5 }),
    );
  });

  it("is another with other text, and with the properties of its schema in another order, which the answer follows", () => {
    expect(keptAs({}, { prompt: "hello " })).not.toBe(plain);
    const a = { type: "string" };
    const b = { type: "integer" };
    const format = (properties: object): Params => ({
      response_format: { type: "json_schema", json_schema: { schema: { type: "object", properties, required: ["a", "b"] } } },
    });
    expect(keptAs(format({ a, b }))).not.toBe(keptAs(format({ b, a })));
  });
});

describe("a request that draws at random", () => {
  it("is never the same as another while nobody says how", () => {
    expect(keptAs({ temperature: 0.8 })).toBeNull();
    expect(keptAs({ xtc_probability: 0.5 })).toBeNull();
  });

  it("is the same with the same seed, and all that then counts", () => {
    const drawn = keptAs({ temperature: 0.8, seed: 3 });
    expect(drawn).not.toBeNull();
    expect(keptAs({ temperature: 0.8, seed: 3, top_k: 40, top_p: 0.95 })).toBe(drawn);
    expect(keptAs({ temperature: 0.8, seed: 4 })).not.toBe(drawn);
    expect(keptAs({ temperature: 0.7, seed: 3 })).not.toBe(drawn);
    expect(keptAs({ temperature: 0.8, seed: 3, top_k: 5 })).not.toBe(drawn);
  });
});

it("takes embeddings and rankings as they are", () => {
  const embedding = toJobRequest({ input: ["a", "b"] }, 1);
  expect(reusableForm(embedding, false)).toEqual(embedding);
  const ranking = toJobRequest({ query: "q", documents: ["a"] }, 1);
  expect(reusableForm(ranking, false)).toEqual(ranking);
});

it("is wanted by default, on request, or not at all", () => {
  const asked = [undefined, true, false];
  expect(asked.map((one) => wantsReuse("all", one))).toEqual([true, true, false]);
  expect(asked.map((one) => wantsReuse("asked", one))).toEqual([false, true, false]);
  expect(asked.map((one) => wantsReuse("off", one))).toEqual([false, false, false]);
});

import { readJsonSchema, type Tool } from "@llamero/core";
import { Gbnf, seededRandom } from "@llamero/testkit";
import { getLlama, type Llama, type LlamaGrammar } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaGrammar } from "../src/child/json-schema/compile-schema.ts";
import type { EngineRuntime } from "../src/index.ts";
import { inOneUnit, validatorOf } from "./json-validator.ts";
import { randomSchema } from "./random-schema.ts";
import { realSchemas } from "./real-schemas.ts";
import { chat, generate, startTiny } from "./tiny-engine.ts";

const schemas = Object.entries(realSchemas);

describe("answers of a model that is made to say anything", () => {
  let engine: EngineRuntime;
  beforeAll(async () => {
    engine = await startTiny({ slots: 4 });
  });
  afterAll(() => engine.close());

  /** What is cut off at so many tokens is no JSON. */
  const wild = { temperature: 3, top_p: 1, top_k: 0, max_tokens: 250 };
  const ask = (params: Parameters<typeof chat>[1], seed: number) => generate(engine, chat("Go.", { ...wild, ...params, seed }));

  test("fit the schema that was given", async () => {
    let whole = 0;
    for (const [name, schema] of schemas) {
      const validate = validatorOf(schema);
      const params = { response_format: { type: "json_schema" as const, json_schema: { schema, strict: true } } };
      const outcomes = await Promise.all([1, 2, 3, 4].map((seed) => ask(params, seed)));
      for (const { text } of outcomes.filter(({ finishReason }) => finishReason === "stop")) {
        expect(validate(JSON.parse(inOneUnit(text))).error, `${name}: ${text}`).toBeUndefined();
        whole++;
      }
    }
    expect(whole).toBeGreaterThan(schemas.length);
  });

  test("fit the parameters of the tool that is called", async () => {
    let calls = 0;
    for (const [name, parameters] of schemas.filter(([, schema]) => JSON.stringify(schema).length < 400)) {
      const tools: Tool[] = [{ type: "function", function: { name: "tool", parameters, strict: true } }];
      const params = { tools, tool_choice: "required" as const, parallel_tool_calls: false };
      const outcomes = await Promise.all([1, 2, 3, 4].map((seed) => ask(params, seed)));
      for (const { function: called } of outcomes.flatMap(({ toolCalls }) => toolCalls ?? [])) {
        const { error } = validatorOf(parameters)(JSON.parse(inOneUnit(called.arguments)));
        expect(error, `${name}: ${called.arguments}`).toBeUndefined();
        calls++;
      }
    }
    expect(calls).toBeGreaterThan(4);
  });
});

describe("llama.cpp's own reading of a grammar", () => {
  let llama: Llama;
  beforeAll(async () => {
    llama = await getLlama({ gpu: false, build: "never" });
  });
  afterAll(() => llama.dispose());

  /** Internal to node-llama-cpp, whose exact version is pinned. */
  const takes = (grammar: LlamaGrammar, text: string) =>
    (grammar as unknown as { _testText(text: string): boolean })._testText(text);

  async function check(schema: Record<string, unknown>, seed: number): Promise<void> {
    const text = schemaGrammar(readJsonSchema(schema, "schema"));
    const grammar = await llama.createGrammar({ grammar: text });
    const walker = new Gbnf(text);
    const random = seededRandom(seed);
    for (let count = 0; count < 5; count++) {
      const sample = walker.sample(random);
      expect(takes(grammar, sample), sample).toBe(true);
      expect(takes(grammar, `${sample} `), sample).toBe(false);
    }
  }

  test("takes what real schemas' grammars say", async () => {
    for (const [, schema] of schemas) await check(schema, 1);
  });

  test("takes what random schemas' grammars say", async () => {
    const random = seededRandom(20_000);
    for (let index = 0; index < 150; index++) await check(randomSchema(random), index);
  });

  const properties = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`property${index}`, {}]));
  test.each<[string, Record<string, unknown>]>([
    ["hundreds of properties that may be left out", { properties: properties(800) }],
    ["thousands of values", { enum: Array.from({ length: 4_000 }, (_, index) => `value ${index}`) }],
    ["counts within counts", { items: { items: { maxLength: 1e6 }, minItems: 9_999, maxItems: 1e6 }, maxItems: 1e9 }],
    ["names to be told apart", { properties: properties(100), additionalProperties: true }],
  ])("takes %s, quickly", async (_name, schema) => {
    const text = schemaGrammar(readJsonSchema(schema, "schema"));
    const begin = performance.now();
    const grammar = await llama.createGrammar({ grammar: text });
    expect(takes(grammar, "x")).toBe(false);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
});

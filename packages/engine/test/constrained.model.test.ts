import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { EngineRuntime } from "../src/index.ts";
import { begin, chat, generate, joined, startTiny } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 2 });
});
afterAll(() => engine.close());

const orderSchema = {
  type: "object",
  properties: { name: { type: "string" }, city: { type: "string" }, quantity: { type: "integer" }, item: { type: "string" } },
  required: ["name", "city", "quantity", "item"],
};
const order = z.strictObject({ name: z.string(), city: z.string(), quantity: z.int(), item: z.string() });
const jsonSchema = (schema: Record<string, unknown>) => ({ type: "json_schema" as const, json_schema: { schema } });

test("a JSON schema gives an answer that parses and conforms", async () => {
  const prompt = "Extract name, city, quantity and item as JSON: Tom from Oslo ordered 3 lamps.";
  const outcome = await generate(engine, chat(prompt, { response_format: jsonSchema(orderSchema) }));
  expect(order.parse(JSON.parse(outcome.text))).toEqual({ name: "Tom", city: "Oslo", quantity: 3, item: "lamp" });
  expect(outcome.finishReason).toBe("stop");
});

test("a schema holds against the model's inclination, also where the root is a number", async () => {
  const outcome = await generate(
    engine,
    chat("Write a short story about a llama.", { response_format: jsonSchema({ type: "integer" }) }),
  );
  expect(outcome.text).toMatch(/^-?\d+$/);
  expect(outcome.finishReason).toBe("stop");
});

test("json_object gives an object", async () => {
  const outcome = await generate(engine, chat("Hello", { response_format: { type: "json_object" }, max_tokens: 200 }));
  expect(typeof JSON.parse(outcome.text)).toBe("object");
});

test("a grammar's text comes whole, code points that take several tokens included", async () => {
  const wanted = "héllo → 日本 😀 ende";
  const task = begin(engine, chat("Hello", { grammar: `root ::= "${wanted}"` }));
  const { text, tail } = await task.outcome;
  expect(text).toBe(wanted);
  expect(task.chunks.every((chunk) => !chunk.text.includes("\uFFFD"))).toBe(true);
  expect(joined(task.chunks).text + tail).toBe(wanted);
});

test("a code point cut off by max_tokens ends in U+FFFD, which no earlier chunk holds", async () => {
  const { text } = await generate(engine, chat("Hello", { grammar: 'root ::= "😀😀"', max_tokens: 2 }));
  expect(text).toMatch(/^\uFFFD+$/);
});

test.each([
  ["a grammar that does not parse", { grammar: 'root ::= "a' }, "invalid_request", "params.grammar"],
  ["a grammar without root", { grammar: 'other ::= "a"' }, "invalid_request", "params.grammar"],
  ["a left-recursive grammar", { grammar: 'root ::= root "a"' }, "invalid_request", "params.grammar"],
  [
    "a schema that cannot be enforced",
    { response_format: jsonSchema({ type: "string", pattern: "(?=a)" }) },
    "unsupported_schema",
    null,
  ],
  ["a grammar together with ignore_eos", { grammar: 'root ::= "a"', ignore_eos: true }, "invalid_request", "params.ignore_eos"],
  ["a bias on an unknown token", { logit_bias: { "99999": 1 } }, "invalid_request", "params.logit_bias"],
])("refuses %s, and goes on", async (_name, params, code, param) => {
  const refused = generate(engine, chat("Hello", params));
  await expect(refused).rejects.toMatchObject({ code, ...(param === null ? {} : { param }) });
  expect((await generate(engine, chat("Classify the sentiment: I love it."))).text).toBe("positive");
});

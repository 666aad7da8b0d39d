import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { chat, completion, generate, startTiny } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 2, contextSize: 256 });
});
afterAll(() => engine.close());

const embed = (input: string[]) => engine.embed({ id: "embed", model: "tiny", request: { v: 1, type: "embedding", input } });

test("computes a repeated prompt once", async () => {
  const request = chat("Extract name, city, quantity and item as JSON: Tom from Oslo ordered 3 lamps.");
  const first = await generate(engine, request);
  const second = await generate(engine, request);
  expect(second.text).toBe(first.text);
  expect(first.usage.cached_tokens).toBeLessThan(first.usage.prompt_tokens / 2);
  expect(second.usage.cached_tokens).toBe(second.usage.prompt_tokens - 1);
});

test("finds the slot that holds a prompt among others", async () => {
  const [a, b] = [chat("What is a webhook?", { max_tokens: 3 }), chat("Summarize: Hello, my name is Ann.", { max_tokens: 3 })];
  await Promise.all([generate(engine, a), generate(engine, b)]);
  for (const request of [a, b]) {
    const { usage } = await generate(engine, request);
    expect(usage.cached_tokens).toBe(usage.prompt_tokens - 1);
  }
});

test("fills the context to its last token and no further", async () => {
  const { usage } = await generate(engine, completion("One two three", { ignore_eos: true }));
  expect(usage.total_tokens).toBe(256);
});

test("refuses a prompt that is longer than the context, with the numbers", async () => {
  const refused = generate(engine, completion("one two three four five six ".repeat(300)));
  await expect(refused).rejects.toMatchObject({
    code: "context_length_exceeded",
    param: "prompt",
    message: expect.stringMatching(/The prompt has \d{4} tokens.*holds 256/),
  });
});

test("refuses a max_tokens that the prompt leaves no room for", async () => {
  const refused = generate(engine, chat("Classify the sentiment: I love it.", { max_tokens: 240 }));
  await expect(refused).rejects.toMatchObject({
    code: "context_length_exceeded",
    param: "params.max_tokens",
    message: expect.stringMatching(/17 tokens.*240.*257.*256.*at most 239/),
  });
  const { finishReason } = await generate(engine, chat("Classify the sentiment: I love it.", { max_tokens: 239 }));
  expect(finishReason).toBe("stop");
});

test("embeds texts as unit vectors, the same each time", async () => {
  const input = ["a llama", "the queue of jobs", "a llama"];
  const first = await embed(input);
  expect(first.embeddings.map((vector) => vector.length)).toEqual([192, 192, 192]);
  for (const vector of first.embeddings) expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
  expect(first.embeddings[0]).toEqual(first.embeddings[2]);
  expect(first.embeddings[0]).not.toEqual(first.embeddings[1]);
  expect((await embed(input)).embeddings).toEqual(first.embeddings);
  expect(first.usage).toMatchObject({ cached_tokens: 0, completion_tokens: 0, total_tokens: first.usage.prompt_tokens });
  expect(first.usage.prompt_tokens).toBeGreaterThan(6);
});

test("says which input is too long to embed", async () => {
  const refused = embed(["short", "one two three four five six ".repeat(300)]);
  await expect(refused).rejects.toMatchObject({ code: "context_length_exceeded", param: "input.1" });
});

test("refuses a model that is not loaded, and two tasks of one id", async () => {
  const unknown = engine.generate({ id: "x", model: "gpt", request: chat("Hello") }, () => {});
  await expect(unknown).rejects.toMatchObject({ code: "model_not_found", message: expect.stringContaining("tiny") });
  const task = { id: "twice", model: "tiny", request: chat("Hello", { max_tokens: 1 }) };
  const first = engine.generate(task, () => {});
  await expect(engine.generate(task, () => {})).rejects.toMatchObject({ code: "internal_error" });
  await first;
});

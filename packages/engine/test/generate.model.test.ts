import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { begin, chat, completion, generate, joined, startTiny, story } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 3 });
});
afterAll(() => engine.close());

test("says what the model is", () => {
  expect(engine.models).toMatchObject([
    {
      name: "tiny",
      slots: 3,
      context_length: 1024,
      capabilities: ["chat", "completion", "embedding"],
      embedding_length: 192,
      parameters: 2_361_408,
      architecture: "llama",
      quantization: "Q8_0",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  ]);
  expect(engine.models[0]?.max_token_bytes).toBeGreaterThan(5);
});

test("answers through the model's own template", async () => {
  const outcome = await generate(engine, chat("Classify the sentiment: I love it."));
  expect(outcome).toMatchObject({ text: "positive", finishReason: "stop", usage: { prompt_tokens: 17, completion_tokens: 1 } });
  expect(outcome.usage.total_tokens).toBe(18);
  for (const ms of Object.values(outcome.timings)) expect(ms).toBeGreaterThanOrEqual(0);
});

test("gives chunks that make up the text and the tokens, and nothing else", async () => {
  const task = begin(engine, chat(story));
  const outcome = await task.outcome;
  expect(joined(task.chunks).text + outcome.tail).toBe(outcome.text);
  expect(task.chunks.flatMap((chunk) => chunk.tokens)).toHaveLength(outcome.usage.completion_tokens);
  expect(task.chunks.length).toBeLessThan(outcome.usage.completion_tokens);
});

test("continues raw text without a template", async () => {
  const text = "<|im_start|>user\nWhat is 7 + 5?<|im_end|>\n<|im_start|>assistant\n";
  const outcome = await generate(engine, completion(text, { max_tokens: 4 }));
  const templated = await generate(engine, chat("What is 7 + 5?", { max_tokens: 4 }));
  // Control tokens written by a caller are plain text.
  expect(outcome.usage.prompt_tokens).toBeGreaterThan(templated.usage.prompt_tokens);
});

test("ends at max_tokens", async () => {
  const outcome = await generate(engine, chat(story, { max_tokens: 5 }));
  expect(outcome).toMatchObject({ finishReason: "length", usage: { completion_tokens: 5 } });
});

test("ends before a stop text that spans tokens", async () => {
  const { text } = await generate(engine, chat(story));
  const stop = text.slice(20, 33);
  const task = begin(engine, chat(story, { stop: [stop, "never said"] }));
  const outcome = await task.outcome;
  expect(outcome).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  expect(joined(task.chunks).text + outcome.tail).toBe(outcome.text);
});

test("samples alike with the same seed and otherwise with another", async () => {
  const run = (seed: number) => generate(engine, chat(story, { temperature: 1.5, top_k: 0, top_p: 1, seed, max_tokens: 40 }));
  const first = await run(7);
  expect((await run(7)).text).toBe(first.text);
  expect((await run(8)).text).not.toBe(first.text);
});

test("runs more tasks than slots, each as it would alone", async () => {
  const prompts = [
    "Classify the sentiment: I love it.",
    "Classify the sentiment: I hate it.",
    "What is 7 + 5?",
    "What is a webhook?",
    "Extract name, city, quantity and item as JSON: Tom from Oslo ordered 3 lamps.",
    "Tom from Oslo ordered 3 lamps. Who ordered?",
    "What is 2 + 3?",
    "Extract name, city, quantity and item as JSON: Ann from Rome ordered 5 chairs.",
  ];
  const alone: string[] = [];
  for (const prompt of prompts) alone.push((await generate(engine, chat(prompt))).text);
  const together = await Promise.all(prompts.map((prompt) => generate(engine, chat(prompt))));
  expect(together.map((outcome) => outcome.text)).toEqual(alone);
  expect(new Set(alone).size).toBeGreaterThan(4);
});

test("lets a new task in while others decode without a pause", async () => {
  // Every slot holds old state, so that the newcomer's has to be erased under the others' feet.
  await Promise.all([1, 2, 3].map((n) => generate(engine, chat(`Number ${n}. ${story}`, { max_tokens: 8 }))));
  const ended: string[] = [];
  const long = ["a", "b"].map((name) => begin(engine, chat(`${name}: ${story}`, { ignore_eos: true, max_tokens: 300 })));
  await Promise.all(long.map((task) => task.firstChunk));
  const short = begin(engine, chat("Classify the sentiment: I love it."));
  await Promise.all([
    ...long.map((task) => task.outcome.then(() => ended.push("long"))),
    short.outcome.then(() => ended.push("short")),
  ]);
  expect(ended[0]).toBe("short");
});

describe("params", () => {
  test("bans a token by logit_bias", async () => {
    const task = begin(engine, chat("Classify the sentiment: I love it."));
    await task.outcome;
    const [token] = task.chunks.flatMap((chunk) => chunk.tokens);
    const banned = await generate(
      engine,
      chat("Classify the sentiment: I love it.", { logit_bias: { [`${token}`]: -100 }, max_tokens: 3 }),
    );
    expect(banned.text.startsWith("positive")).toBe(false);
  });

  test("goes on past the end tokens when they are ignored", async () => {
    const outcome = await generate(engine, chat("Classify the sentiment: I love it.", { ignore_eos: true, max_tokens: 50 }));
    expect(outcome).toMatchObject({ finishReason: "length", usage: { completion_tokens: 50 } });
  });

  test.each([
    ["frequency_penalty", { frequency_penalty: 2 }],
    ["presence_penalty", { presence_penalty: 2 }],
    ["repeat_penalty", { repeat_penalty: 5 }],
    ["dry_multiplier", { dry_multiplier: 5, dry_allowed_length: 1 }],
    ["xtc_probability", { xtc_probability: 1, xtc_threshold: 0.01, temperature: 0.7 }],
    ["min_p", { temperature: 5, top_k: 0, top_p: 1, min_p: 0.01 }],
  ])("%s changes the text, the same way each time", async (_name, params) => {
    const run = (extra: object) => generate(engine, chat(story, { ...extra, ignore_eos: true, max_tokens: 100 }));
    const changed = await run(params);
    expect(changed.text).not.toBe((await run({})).text);
    expect((await run(params)).text).toBe(changed.text);
  });
});

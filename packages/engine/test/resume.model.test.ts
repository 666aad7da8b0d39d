import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenerateOutcome, GenerateRequest, Tool } from "@llamero/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { templates } from "./chat-templates.ts";
import { begin, chat, completion, generate, joined, startTiny, story } from "./tiny-engine.ts";
import { writeVariant } from "./tiny-variant.ts";

/** Most tokens behind which one generation is taken up; the first and the last few are always among them. */
const MOST_SPLITS = 16;
const LAST_SPLITS = 6;

/** What is the same whichever attempts made it; ids of calls are made at the end. */
function essence({ text, toolCalls, finishReason, usage }: GenerateOutcome) {
  const calls = toolCalls?.map((call) => call.function);
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  return { text, calls, finishReason, usage: { prompt_tokens, completion_tokens, total_tokens } };
}

/**
 * Makes a generation as a whole, and then again from many points in it, as a worker does that takes over.
 * @param forgets the slot forgets what it holds of the job. Where it does, sums are the same only as far as they are on this CPU,
 * which random sampling is too fine for; where it does not, they are the same everywhere
 */
async function expectAlikeFromAnywhere(
  engine: EngineRuntime,
  request: GenerateRequest,
  forgets = true,
): Promise<GenerateOutcome> {
  const whole = begin(engine, request);
  const outcome = await whole.outcome;
  const { chunks } = whole;
  const step = Math.ceil(chunks.length / MOST_SPLITS);
  for (let split = 1; split <= chunks.length; split++) {
    if (split % step !== 1 % step && split < chunks.length - LAST_SPLITS) continue;
    if (forgets) await generate(engine, completion("Something else.", { max_tokens: 1 }));
    const emitted = joined(chunks.slice(0, split));
    const resumed = begin(engine, request, emitted);
    const again = await resumed.outcome;
    expect(essence(again), `behind ${emitted.tokens.length} tokens`).toEqual(essence(outcome));
    const more = joined(resumed.chunks);
    expect([...emitted.tokens, ...more.tokens]).toEqual(joined(chunks).tokens);
    expect(emitted.text + more.text + again.tail).toBe(outcome.text);
    const { cached_tokens, prompt_tokens } = again.usage;
    if (forgets) expect(cached_tokens).toBeLessThan(prompt_tokens);
    else if (again.timings.prefill_ms !== null) expect(cached_tokens).toBe(prompt_tokens);
  }
  return outcome;
}

const weather: Tool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { enum: ["Oslo", "Rome"] }, days: { type: "integer" } } },
  },
};
const order = {
  type: "object",
  properties: { name: { type: "string" }, city: { type: "string" }, quantity: { type: "integer" }, item: { type: "string" } },
  required: ["name", "city", "quantity", "item"],
};
const extract = "Extract name, city, quantity and item as JSON: Tom from Oslo ordered 3 lamps.";

describe("a generation goes on behind any of its tokens as if nothing had happened", () => {
  let engine: EngineRuntime;
  beforeAll(async () => {
    engine = await startTiny({ slots: 1, flushMs: 1 });
  });
  afterAll(() => engine.close());

  test("free text to its own end", async () => {
    expect(await expectAlikeFromAnywhere(engine, chat(story))).toMatchObject({ finishReason: "stop" });
  });

  test("as many tokens as it may have, over all attempts", async () => {
    const outcome = await expectAlikeFromAnywhere(engine, chat(story, { ignore_eos: true, max_tokens: 90 }));
    expect(outcome).toMatchObject({ finishReason: "length", usage: { completion_tokens: 90 } });
  });

  test("up to a stop text that begins before the border and ends behind it", async () => {
    const { text } = await generate(engine, chat(story));
    const stop = text.slice(60, 85);
    const outcome = await expectAlikeFromAnywhere(engine, chat(story, { stop: [stop, "never said"] }));
    expect(outcome).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  });

  test("characters that take several tokens", async () => {
    const wanted = "héllo → 日本 😀 ende";
    expect((await expectAlikeFromAnywhere(engine, chat("Hello", { grammar: `root ::= "${wanted}"` }))).text).toBe(wanted);
  });

  test("JSON of a schema", async () => {
    const response_format = { type: "json_schema" as const, json_schema: { schema: order } };
    const outcome = await expectAlikeFromAnywhere(engine, chat(extract, { response_format }));
    expect(JSON.parse(outcome.text)).toEqual({ name: "Tom", city: "Oslo", quantity: 3, item: "lamp" });
  });

  test("JSON of a schema against the model's inclination", async () => {
    const schema = {
      type: "object",
      properties: { a: { type: "array", items: { type: "integer" }, maxItems: 6 }, b: { type: "boolean" } },
      required: ["a", "b"],
    };
    const response_format = { type: "json_schema" as const, json_schema: { schema } };
    const { text } = await expectAlikeFromAnywhere(engine, chat(story, { response_format, max_tokens: 200 }));
    expect(Object.keys(JSON.parse(text))).toEqual(["a", "b"]);
  });

  test("calls of tools, which are read over the border", async () => {
    const params = { tools: [weather], tool_choice: "required" as const, parallel_tool_calls: false, max_tokens: 300 };
    const outcome = await expectAlikeFromAnywhere(engine, chat("What is the weather in Oslo?", params));
    expect(outcome).toMatchObject({ finishReason: "tool_calls", text: "", toolCalls: [{ function: { name: "get_weather" } }] });
  });

  const long = { ignore_eos: true, max_tokens: 100 };
  test.each([
    ["a frequency penalty", { frequency_penalty: 1.5 }],
    ["a presence penalty over few tokens", { presence_penalty: 1.5, repeat_last_n: 10 }],
    ["a repeat penalty", { repeat_penalty: 1.8 }],
    ["DRY", { dry_multiplier: 5, dry_allowed_length: 1 }],
    ["DRY over few tokens", { dry_multiplier: 3, dry_allowed_length: 1, dry_penalty_last_n: 20, dry_sequence_breakers: ["."] }],
    ["a bias on the end tokens", { ignore_eos: false, logit_bias: { "2": 3, "260": 3 } }],
  ])("with %s", async (_name, params) => {
    const plain = await generate(engine, chat(story, long));
    const outcome = await expectAlikeFromAnywhere(engine, chat(story, { ...long, ...params }));
    expect(outcome.text).not.toBe(plain.text);
  });

  test.each([
    ["sampling", { temperature: 1.2, seed: 11 }],
    ["sampling with the highest seed", { temperature: 1.2, seed: 4_294_967_295 }],
    ["XTC", { temperature: 0.9, xtc_probability: 0.7, xtc_threshold: 0.05, seed: 3 }],
    ["sampling with DRY and penalties", { temperature: 0.9, dry_multiplier: 2, repeat_penalty: 1.3, frequency_penalty: 0.5 }],
    ["sampling under a grammar", { temperature: 2, top_k: 0, top_p: 1, ignore_eos: false, grammar: 'root ::= ([a-z]+ " "){20}' }],
  ])("drawing the same tokens: %s", async (_name, params) => {
    const plain = await generate(engine, chat(story, long));
    const outcome = await expectAlikeFromAnywhere(engine, chat(story, { ...long, ...params }), false);
    expect(outcome.text).not.toBe(plain.text);
  });
});

describe("a call in a model's own format", () => {
  /** A token that no text shows, in place of which the format has its marker, as in some vocabularies. */
  const CONTROL_TOKEN = { id: "259", name: "<|im_start|>" };
  let engine: EngineRuntime;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "llamero-resume-"));
    const path = join(folder, "variant.gguf");
    await writeVariant(path, templates.hermes, { name: CONTROL_TOKEN.name, becomes: "<tool_call>" });
    engine = await startTiny({ slots: 1, flushMs: 1, models: [{ kind: "file", name: "tiny", path }] });
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  test("is held to its grammar on both sides of the border", async () => {
    const logit_bias = { [CONTROL_TOKEN.id]: 100 };
    const params = { tools: [weather], logit_bias, parallel_tool_calls: false, max_tokens: 300 };
    const outcome = await expectAlikeFromAnywhere(engine, chat("What is 7 + 5?", params));
    expect(outcome).toMatchObject({ finishReason: "tool_calls", text: "", toolCalls: [{}] });
  });

  test("that is forced is so on both sides", async () => {
    const params = { tools: [weather], tool_choice: "required" as const, parallel_tool_calls: false, max_tokens: 300 };
    const outcome = await expectAlikeFromAnywhere(engine, chat("What is the weather in Oslo?", params));
    expect(outcome).toMatchObject({ finishReason: "tool_calls", toolCalls: [{}] });
  });
});

describe("what was emitted before", () => {
  let engine: EngineRuntime;
  beforeAll(async () => {
    engine = await startTiny({ slots: 1, flushMs: 1 });
  });
  afterAll(() => engine.close());

  test.each([
    ["all the tokens that it may have", { max_tokens: 12 }, "length"],
    ["its stop text", { stop: ["llama"] }, "stop"],
  ])("ends a generation at once where it holds %s, without a slot", async (_what, params, finishReason) => {
    const request = chat(story, { ...params, ignore_eos: true });
    const whole = begin(engine, request);
    const outcome = await whole.outcome;
    const busy = begin(engine, chat(story, { ignore_eos: true }));
    await busy.firstChunk;
    const again = begin(engine, request, joined(whole.chunks));
    expect(await again.outcome).toMatchObject({
      text: outcome.text,
      finishReason,
      timings: { prefill_ms: null, generate_ms: null },
    });
    expect(again.chunks).toEqual([]);
    engine.stop(busy.id, "cancelled");
    await busy.outcome;
  });

  test("is in the outcome of a task that is stopped before it has a slot", async () => {
    const whole = begin(engine, chat(story, { stop: ["neverland"] }));
    await whole.outcome;
    const emitted = joined(whole.chunks.slice(0, 10));
    const busy = begin(engine, chat(story, { ignore_eos: true }));
    await busy.firstChunk;
    const waiting = begin(engine, chat(story, { stop: ["neverland"] }), emitted);
    engine.stop(waiting.id, "cancelled");
    const outcome = await waiting.outcome;
    expect(outcome).toMatchObject({ finishReason: "cancelled", usage: { completion_tokens: emitted.tokens.length } });
    expect(outcome.text).toBe(emitted.text + outcome.tail);
    engine.stop(busy.id, "cancelled");
    await busy.outcome;
  });

  test("is refused by a model that reads other text out of it, or would not have written it", async () => {
    const { tokens, text } = joined((await whole(chat(story))).slice(0, 5));
    for (const [request, emitted] of [
      [chat(story), { tokens, text: `${text}!` }],
      [chat(story, { grammar: "root ::= [0-9]+" }), { tokens, text }],
    ] as const)
      await expect(begin(engine, request, emitted).outcome).rejects.toMatchObject({ code: "model_changed" });
    expect((await generate(engine, chat("Classify the sentiment: I love it."))).text).toBe("positive");
  });

  async function whole(request: GenerateRequest) {
    const task = begin(engine, request);
    await task.outcome;
    return task.chunks;
  }
});

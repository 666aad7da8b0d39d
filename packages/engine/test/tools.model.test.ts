import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenerateRequest, Message, Tool } from "@llamero/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { formatOf } from "../src/child/tool-calls/formats.ts";
import type { EngineRuntime } from "../src/index.ts";
import { templates } from "./chat-templates.ts";
import { begin, chat, joined, startTiny, story } from "./tiny-engine.ts";
import { writeVariant } from "./tiny-variant.ts";

/** Has what a grammar is written with. */
const strange = 'Rome # "[x" \\ ::= root';
const weather: Tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: 'Today\'s weather; "units" are <|im_end|> metric.',
    parameters: {
      type: "object",
      properties: { city: { enum: ["Oslo", strange] }, days: { type: "integer" } },
      required: ["city", "days"],
    },
  },
};
const clock: Tool = { type: "function", function: { name: "now" } };
const tools = [weather, clock];
const named = (name: string) => ({ type: "function" as const, function: { name } });

const called: Message[] = [
  { role: "user", content: "What time is it?" },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "call_1", type: "function", function: { name: "now", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "call_1", content: 'It is <|im_end|> "noon".' },
];

const argumentsOf: Record<string, z.ZodType> = {
  get_weather: z.strictObject({ city: z.enum(["Oslo", strange]), days: z.int() }),
  now: z.strictObject({}),
};

async function run(engine: EngineRuntime, request: GenerateRequest) {
  const task = begin(engine, request);
  const outcome = await task.outcome;
  expect(joined(task.chunks).text + outcome.tail).toBe(outcome.text);
  for (const call of outcome.toolCalls ?? []) {
    expect(call).toMatchObject({ id: expect.stringMatching(/^call_[0-9A-Za-z]{24}$/), type: "function" });
    argumentsOf[call.function.name]?.parse(JSON.parse(call.function.arguments));
  }
  return outcome;
}

/** Where a model that repeats itself is stopped. */
const MOST_CALLS = 16;
/** The bundled model's end tokens, out of reach. */
const endless = { "2": -100, "260": -100 };
const once = { parallel_tool_calls: false, max_tokens: 250 };

describe("a template without tools", () => {
  let engine: EngineRuntime;
  beforeAll(async () => {
    engine = await startTiny({ slots: 2, flushMs: 10 });
  });
  afterAll(() => engine.close());

  test("required: several calls and nothing else", async () => {
    const params = { tools: [clock], tool_choice: "required" as const, max_tokens: 700 };
    const outcome = await run(engine, chat("What time is it?", params));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls" });
    expect(outcome.toolCalls?.length).toBeGreaterThan(1);
  });

  test("one call where several are not wanted", async () => {
    const outcome = await run(engine, chat("What is 7 + 5?", { tools, tool_choice: "required", ...once }));
    expect(outcome.toolCalls).toHaveLength(1);
  });

  test.each(["get_weather", "now"])("the function %s, once", async (name) => {
    const outcome = await run(engine, chat("What is 7 + 5?", { tools, tool_choice: named(name), max_tokens: 300 }));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls", toolCalls: [{ function: { name } }] });
    expect(outcome.toolCalls).toHaveLength(1);
  });

  test("auto: a call", async () => {
    const outcome = await run(engine, chat("What is 7 + 5?", { tools, ...once }));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls", toolCalls: [{}] });
  });

  test("auto: text, as it comes and without the JSON around it", async () => {
    // Without a token that begins with t, there is no way into tool_calls; without quotes, no end of the text.
    const logit_bias = Object.fromEntries([119, 770, 2036, 37, 277, 1954].map((token) => [String(token), -100]));
    const task = begin(engine, chat("What is a webhook?", { tools, logit_bias, max_tokens: 60 }));
    const outcome = await task.outcome;
    expect(outcome).toMatchObject({ text: expect.stringMatching(/^[^{].{20}/s) });
    expect(outcome.toolCalls).toBeUndefined();
    expect(task.chunks.filter((chunk) => chunk.text !== "").length).toBeGreaterThan(2);
    expect(joined(task.chunks).text + outcome.tail).toBe(outcome.text);
  });

  test("none: an answer as if there were no tools", async () => {
    const prompt = "Classify the sentiment: I love it.";
    const outcome = await run(engine, chat(prompt, { tools, tool_choice: "none" }));
    expect(outcome).toMatchObject({ text: "positive", finishReason: "stop", usage: { prompt_tokens: 17 } });
  });

  test("calls that max_tokens cuts off are text, and the job says so", async () => {
    const outcome = await run(engine, chat("What is 7 + 5?", { tools, tool_choice: "required", max_tokens: 12 }));
    expect(outcome).toMatchObject({ text: expect.stringMatching(/^\{"tool_calls"/), finishReason: "length" });
  });

  test("a chat with calls and results is answered in plain text where no tools are offered", async () => {
    const outcome = await run(engine, { ...chat("", { max_tokens: 8 }), type: "chat", messages: called });
    expect(outcome).toMatchObject({ finishReason: expect.stringMatching(/^(stop|length)$/) });
    expect(outcome.text).not.toBe("");
  });
});

/** A token that no text shows, in place of which formats have the marker of their calls, as in some vocabularies. */
const CONTROL_TOKEN = { id: "259", name: "<|im_start|>" };

/** The bundled model with this template. */
function useVariant(template: string, token?: { name: string; becomes: string }): () => EngineRuntime {
  let engine: EngineRuntime;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "llamero-tools-"));
    const path = join(folder, "variant.gguf");
    await writeVariant(path, template, token);
    engine = await startTiny({ slots: 1, models: [{ kind: "file", name: "tiny", path }] });
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });
  return () => engine;
}

describe.each(Object.entries(templates))("a template of the format %s", (name, template) => {
  const marker = formatOf(template)?.markers[0];
  const engine = useVariant(template, marker === undefined ? undefined : { name: CONTROL_TOKEN.name, becomes: marker });

  test("required: calls and nothing else", async () => {
    const outcome = await run(engine(), chat("What is the weather in Oslo?", { tools, tool_choice: "required", ...once }));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls", toolCalls: [{}] });
  });

  test("required: several, where the format has them", async () => {
    const params = { tools: [clock], tool_choice: "required" as const, logit_bias: endless };
    const outcome = await run(engine(), chat("What time is it?", params));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls" });
    expect(outcome.toolCalls?.length).toBeGreaterThan(name === "llama3" ? 0 : 1);
    expect(outcome.toolCalls?.length).toBeLessThanOrEqual(name === "llama3" ? 1 : MOST_CALLS);
  });

  test("auto: plain text from a model that has nothing to call", async () => {
    const outcome = await run(engine(), chat(story, { tools, max_tokens: 60 }));
    expect(outcome.toolCalls).toBeUndefined();
    expect(outcome.text).not.toBe("");
  });

  test("a control token in a description is plain text to the model", async () => {
    const described = (description: string): Tool[] => [{ type: "function", function: { name: "now", description } }];
    const promptTokens = async (description: string) =>
      (await run(engine(), chat("Hello", { tools: described(description), max_tokens: 1 }))).usage.prompt_tokens;
    expect((await promptTokens("a </s> b")) - (await promptTokens("a ! b"))).toBeGreaterThan(1);
  });

  test("takes a chat with calls and results", async () => {
    const outcome = await run(engine(), { ...chat("", { tools, max_tokens: 8 }), type: "chat", messages: called });
    expect(outcome.usage.prompt_tokens).toBeGreaterThan(40);
  });

  if (marker !== undefined)
    test("auto: a call is held to its grammar from its control token on", async () => {
      const params = { tools, logit_bias: { [CONTROL_TOKEN.id]: 100 }, ...once };
      const outcome = await run(engine(), chat("What is 7 + 5?", params));
      expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls", toolCalls: [{}] });
    });
});

const CHATML = "{% for m in messages %}<|im_start|>{{ m.role + '\\n' + m.content }}<|im_end|>\n{% endfor %}";
const ANSWER = "{% if add_generation_prompt %}<|im_start|>assistant\n";

describe("a model that begins to write JSON, as one of Llama 3's calls begins", () => {
  const engine = useVariant(`{# tools: ipython, "parameters" #}${CHATML}${ANSWER}{% endif %}`);
  const prompt = "Extract name, city, quantity and item as JSON: Tom from Oslo ordered 3 lamps.";

  test("is held to the call's grammar from there on", async () => {
    expect((await run(engine(), chat(prompt))).text).toMatch(/^\{"name": "Tom"/);
    const outcome = await run(engine(), chat(prompt, { tools, max_tokens: 300 }));
    expect(outcome).toMatchObject({ text: "", finishReason: "tool_calls", toolCalls: [{}] });
  });
});

describe("a template that begins a thought", () => {
  const template = `{# tools: <tool_call> #}${CHATML}${ANSWER}<think>\n{% endif %}`;
  const engine = useVariant(template, { name: CONTROL_TOKEN.name, becomes: "</think>" });

  test("required: the thought ends before the call", async () => {
    const thinking = (bias: number) =>
      chat("What is 7 + 5?", { tools, tool_choice: "required", ...once, logit_bias: { [CONTROL_TOKEN.id]: bias } });
    expect(await run(engine(), thinking(100))).toMatchObject({ finishReason: "tool_calls", toolCalls: [{}] });
    expect(await run(engine(), thinking(-100))).toMatchObject({ finishReason: "length" });
  });
});

import assert from "node:assert/strict";
import { AppError, type GenerateOutcome, type GenerateRequest, type Runtime, type TokenChunk } from "@llamero/core";

/** A runtime that has the bundled model, in two slots or more. */
export interface ConformingRuntime {
  runtime: Runtime;
  /** The name that the model has there. */
  model: string;
}

type Check = (under: ConformingRuntime) => Promise<void>;
type Params = Partial<GenerateRequest["params"]>;

const story = "Write a short story about a llama.";
/** So long that it comes in several chunks, wherever it comes from. */
const LONG = { ignore_eos: true, max_tokens: 400 };
let tasks = 0;

function chat(prompt: string, params: Params = {}): GenerateRequest {
  return { v: 1, type: "chat", messages: [{ role: "user", content: prompt }], params: { seed: 1, max_tokens: 48, ...params } };
}

function completion(prompt: string, params: Params = {}): GenerateRequest {
  return { v: 1, type: "completion", prompt, params: { seed: 1, max_tokens: 32, ...params } };
}

function begin({ runtime, model }: ConformingRuntime, request: GenerateRequest, emitted?: TokenChunk) {
  const id = `conformance-${++tasks}`;
  const chunks: TokenChunk[] = [];
  const { promise: firstChunk, resolve } = Promise.withResolvers<void>();
  const task = { id, model, request, isFollowed: true, ...(emitted === undefined ? {} : { emitted }) };
  const outcome = runtime.generate(task, (chunk) => {
    chunks.push(chunk);
    resolve();
  });
  return { id, chunks, firstChunk, outcome };
}

const joined = (chunks: readonly TokenChunk[]): TokenChunk => ({
  tokens: chunks.flatMap(({ tokens }) => tokens),
  text: chunks.map(({ text }) => text).join(""),
});

async function run(under: ConformingRuntime, request: GenerateRequest): Promise<GenerateOutcome> {
  return begin(under, request).outcome;
}

async function refusedWith(code: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => error instanceof AppError && error.code === code);
}

const usageAddsUp = ({ usage }: GenerateOutcome) =>
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);

async function stops(under: ConformingRuntime, reason: "cancelled" | "deadline"): Promise<void> {
  const task = begin(under, completion("Once upon a time", { ignore_eos: true, max_tokens: 900 }));
  await task.firstChunk;
  under.runtime.stop(task.id, reason);
  const outcome = await task.outcome;
  assert.equal(outcome.finishReason, reason);
  assert.equal(joined(task.chunks).text + outcome.tail, outcome.text);
  assert.ok(outcome.usage.completion_tokens > 0 && outcome.usage.completion_tokens < 900, "it was stopped on its way");
}

/** Takes a generation up behind its first half, as a worker does that takes over. */
async function resumes(under: ConformingRuntime, request: GenerateRequest): Promise<void> {
  const whole = begin(under, request);
  const first = await whole.outcome;
  const emitted = joined(whole.chunks.slice(0, Math.ceil(whole.chunks.length / 2)));
  assert.ok(emitted.text.length > 0 && emitted.text.length < first.text.length, "there is a half to go on behind");
  const resumed = begin(under, request, emitted);
  const second = await resumed.outcome;
  assert.equal(second.text, first.text);
  assert.equal(emitted.text + joined(resumed.chunks).text + second.tail, first.text);
  assert.equal(second.finishReason, first.finishReason);
}

const person = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer", minimum: 0, maximum: 120 } },
  required: ["name", "age"],
  additionalProperties: false,
};

/** What every runtime does: name → check, which rejects where one does not. */
export const runtimeConformance: Readonly<Record<string, Check>> = {
  "a chat: the chunks and the tail are the text": async (under) => {
    const task = begin(under, chat(story));
    const outcome = await task.outcome;
    assert.equal(joined(task.chunks).text + outcome.tail, outcome.text);
    assert.ok(outcome.text.length > 0);
    assert.ok(outcome.usage.prompt_tokens > 0 && outcome.usage.completion_tokens > 0);
    assert.ok((outcome.timings.prefill_ms ?? -1) >= 0 && outcome.timings.wait_ms >= 0);
    usageAddsUp(outcome);
  },
  "a completion of so many tokens ends by its length": async (under) => {
    const outcome = await run(under, completion("Once upon a time", { ignore_eos: true, max_tokens: 9 }));
    assert.equal(outcome.finishReason, "length");
    assert.equal(outcome.usage.completion_tokens, 9);
    usageAddsUp(outcome);
  },
  "the same request alone has the same answer": async (under) => {
    const [first, second] = [await run(under, chat(story)), await run(under, chat(story))];
    assert.equal(first.text, second.text);
  },
  "a stop text ends the answer before it": async (under) => {
    const { text } = await run(under, chat(story));
    const word = text.split(/\s+/)[3] ?? "";
    const outcome = await run(under, chat(story, { stop: word }));
    assert.equal(outcome.finishReason, "stop");
    assert.equal(outcome.text, text.slice(0, text.indexOf(word)));
  },
  "an answer conforms to its schema": async (under) => {
    const response_format = { type: "json_schema" as const, json_schema: { name: "person", schema: person } };
    const { text } = await run(under, chat("Who are you?", { response_format, max_tokens: 100 }));
    const { name, age } = JSON.parse(text) as { name: unknown; age: unknown };
    assert.ok(typeof name === "string" && Number.isInteger(age));
  },
  "a chat asks for the call that it must ask for": async (under) => {
    const weather = {
      type: "function" as const,
      function: {
        name: "get_weather",
        parameters: {
          type: "object",
          properties: { city: { enum: ["Oslo", "Rome"] } },
          required: ["city"],
          additionalProperties: false,
        },
      },
    };
    const outcome = await run(
      under,
      chat("Weather in Oslo?", { tools: [weather], tool_choice: "required", parallel_tool_calls: false, max_tokens: 100 }),
    );
    const [call] = outcome.toolCalls ?? [];
    assert.equal(outcome.finishReason, "tool_calls");
    assert.equal(call?.function.name, "get_weather");
    assert.ok(["Oslo", "Rome"].includes((JSON.parse(call?.function.arguments ?? "{}") as { city: string }).city));
  },
  "a task that is cancelled ends with what it has": (under) => stops(under, "cancelled"),
  "a task whose time is over ends with what it has": (under) => stops(under, "deadline"),
  "a chat goes on where an earlier attempt has left it": (under) => resumes(under, chat(story, LONG)),
  "a completion goes on where an earlier attempt has left it": (under) => resumes(under, completion("Once upon a time", LONG)),
  "more tasks than slots all have their answers": async (under) => {
    const count = (under.runtime.models[0]?.slots ?? 1) * 3;
    const outcomes = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        run(under, completion(`Number ${index}:`, { max_tokens: 4, ignore_eos: true })),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ usage }) => usage.completion_tokens),
      Array(count).fill(4),
    );
  },
  "a task that is stopped while others have all the slots does not wait for one": async (under) => {
    const slots = under.runtime.models[0]?.slots ?? 1;
    const long = completion("Once upon a time", { ignore_eos: true, max_tokens: 900 });
    const running = Array.from({ length: slots }, () => begin(under, long));
    await Promise.all(running.map(({ firstChunk }) => firstChunk));
    const waiting = begin(under, long);
    under.runtime.stop(waiting.id, "cancelled");
    assert.equal((await waiting.outcome).finishReason, "cancelled");
    for (const { id } of running) under.runtime.stop(id, "cancelled");
    await Promise.all(running.map(({ outcome }) => outcome));
  },
  "embeddings have length 1, one for each input": async (under) => {
    const { runtime, model } = under;
    const request = { v: 1 as const, type: "embedding" as const, input: ["a llama", "two llamas", "a llama"] };
    const { embeddings, usage } = await runtime.embed({ id: `conformance-${++tasks}`, model, request });
    assert.equal(embeddings.length, 3);
    for (const vector of embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    assert.ok(usage.prompt_tokens > 0);
  },
  "a model that is not there is told": ({ runtime }) =>
    refusedWith("model_not_found", run({ runtime, model: "nobody" }, chat(story))),
  "a prompt that is too long is told": (under) =>
    refusedWith("context_length_exceeded", run(under, completion("llama frog ".repeat(3_000)))),
};

/** Of a runtime that is closed by it. */
export async function checkClosing({ runtime, model }: ConformingRuntime): Promise<void> {
  const task = begin({ runtime, model }, completion("Once upon a time", { ignore_eos: true, max_tokens: 900 }));
  const rejected = assert.rejects(task.outcome, (error) => error instanceof AppError);
  await task.firstChunk;
  await runtime.close();
  await rejected;
  assert.equal(runtime.isOver, true);
  await assert.rejects(run({ runtime, model }, chat(story)), (error) => error instanceof AppError);
  await runtime.close();
}

import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "./errors.ts";
import { jobRequestSchema, requestTexts } from "./job-request.ts";
import { metadataSchema, type StartTime, type SubmitBody, startTime, submitSchema, toJobRequest } from "./submit.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-01-15T12:00:00Z");
const message = { role: "user" as const, content: "hi" };

function refusal(run: () => unknown): { code: string; param: string | null; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, param: error.param, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
}

describe("what a worker gets", () => {
  test.each<[string, SubmitBody, object]>([
    ["a prompt as one user message", { prompt: "hi" }, { type: "chat", messages: [message], params: { seed: 7 } }],
    [
      "messages as they are",
      { messages: [message], params: { seed: 1 } },
      { type: "chat", messages: [message], params: { seed: 1 } },
    ],
    ["a raw prompt", { type: "completion", prompt: "hi" }, { type: "completion", prompt: "hi", params: { seed: 7 } }],
    ["one input as a list", { input: "hi" }, { type: "embedding", input: ["hi"] }],
    ["several inputs", { type: "embedding", input: ["a", "b"] }, { type: "embedding", input: ["a", "b"] }],
    ["a query with documents", { query: "q", documents: ["a", "b"] }, { type: "rerank", query: "q", documents: ["a", "b"] }],
    ["the best of documents", { query: "q", documents: ["a"], top_n: 5 }, { type: "rerank", top_n: 5 }],
    ["seed 0, which is a seed", { prompt: "hi", params: { seed: 0 } }, { type: "chat", params: { seed: 0 } }],
    ["the other params untouched", { prompt: "hi", params: { top_k: 0 } }, { type: "chat", params: { top_k: 0, seed: 7 } }],
  ])("%s", (_name, body, expected) => {
    const request = toJobRequest(body, 7);
    expect(request).toMatchObject({ v: 1, ...expected });
    expect(jobRequestSchema.parse(JSON.parse(JSON.stringify(request)))).toEqual(request);
  });

  test("has all its texts counted", () => {
    expect(requestTexts(toJobRequest({ messages: [{ role: "system", content: "a" }, message] }, 1))).toEqual(["a", "hi"]);
    expect(requestTexts(toJobRequest({ prompt: "p", type: "completion" }, 1))).toEqual(["p"]);
    expect(requestTexts(toJobRequest({ input: ["a", "b"] }, 1))).toEqual(["a", "b"]);
    expect(requestTexts(toJobRequest({ query: "q", documents: ["a", "b"] }, 1))).toEqual(["q", "a", "b"]);
  });
});

describe("refuses", () => {
  const schema = { type: "object", properties: { a: { type: "date" } } };
  const jsonSchema = { type: "json_schema" as const, json_schema: { schema } };
  test.each<[string, SubmitBody, object]>([
    ["nothing to run", {}, { code: "invalid_request", param: "prompt" }],
    ["prompt and messages", { prompt: "a", messages: [message] }, { code: "invalid_request", param: "messages" }],
    ["prompt and input", { prompt: "a", input: "a" }, { code: "invalid_request", param: "input" }],
    [
      "all three",
      { prompt: "a", messages: [message], input: "a" },
      { message: expect.stringContaining("prompt and messages and input") },
    ],
    ["a completion of messages", { type: "completion", messages: [message] }, { code: "invalid_request", param: "type" }],
    ["a completion of input", { type: "completion", input: "a" }, { code: "invalid_request", param: "type" }],
    ["a chat with input", { type: "chat", input: "a" }, { code: "invalid_request", param: "type" }],
    ["an embedding of a prompt", { type: "embedding", prompt: "a" }, { code: "invalid_request", param: "type" }],
    ["an embedding of messages", { type: "embedding", messages: [message] }, { code: "invalid_request", param: "type" }],
    ["params for an embedding", { input: "a", params: { temperature: 1 } }, { code: "invalid_request", param: "params" }],
    ["empty params for an embedding", { input: "a", params: {} }, { code: "invalid_request", param: "params" }],
    ["a query without documents", { query: "q" }, { code: "invalid_request", param: "documents" }],
    ["documents without a query", { documents: ["a"] }, { code: "invalid_request", param: "query" }],
    ["documents and a prompt", { query: "q", documents: ["a"], prompt: "a" }, { code: "invalid_request", param: "documents" }],
    ["a query beside a prompt", { query: "q", prompt: "a" }, { code: "invalid_request", param: "query" }],
    ["top_n beside input", { input: "a", top_n: 1 }, { code: "invalid_request", param: "top_n" }],
    ["a chat about documents", { type: "chat", query: "q", documents: ["a"] }, { code: "invalid_request", param: "type" }],
    ["params for a rerank", { query: "q", documents: ["a"], params: {} }, { code: "invalid_request", param: "params" }],
    [
      "a schema that no grammar can keep",
      { prompt: "a", params: { response_format: jsonSchema } },
      { code: "unsupported_schema", param: "params.response_format.json_schema.schema.properties.a.type" },
    ],
    [
      "two ways to constrain the output",
      { prompt: "a", params: { grammar: "root ::= [a]", response_format: { type: "json_object" } } },
      { code: "invalid_request", param: "params.grammar" },
    ],
    [
      "a grammar that llama.cpp would not come back from",
      { prompt: "a", params: { grammar: 'root ::= s root "x" | "y"\ns ::= t\nt ::= "" | "a"' } },
      { code: "invalid_request", param: "params.grammar", message: expect.stringMatching(/^params.grammar, line 1, column 1: /) },
    ],
  ])("%s", (_name, body, expected) => {
    expect(refusal(() => toJobRequest(body, 1))).toMatchObject(expected);
  });

  test("nothing about a grammar beside plain text", () => {
    const params = { grammar: "root ::= [a]", response_format: { type: "text" as const } };
    expect(toJobRequest({ prompt: "a", params }, 1)).toMatchObject({ params });
  });
});

describe("start time", () => {
  test.each<[string, SubmitBody, Partial<StartTime>]>([
    ["at once", {}, {}],
    ["at once for no delay", { delay_ms: 0 }, {}],
    ["after a delay, whatever the time is", { delay_ms: 1_500 }, { delayMs: 1_500 }],
    ["at a time", { run_at: "2026-01-15T12:00:01Z" }, { runAtMs: NOW + 1_000 }],
    ["at a time elsewhere", { run_at: "2026-01-15T14:00:01.5+02:00" }, { runAtMs: NOW + 1_500 }],
    ["at a time that may have passed", { run_at: "2025-01-01T00:00:00Z" }, { runAtMs: Date.parse("2025-01-01T00:00:00Z") }],
    ["in 30 days", { run_at: new Date(NOW + 30 * DAY_MS).toISOString() }, { runAtMs: NOW + 30 * DAY_MS }],
  ])("%s", (_name, body, expected) => {
    expect(startTime(body, NOW)).toEqual({ delayMs: null, runAtMs: null, ...expected });
  });

  test("refuses delay and time together, also when one says at once", () => {
    const body = { delay_ms: 0, run_at: "2026-01-15T12:00:01Z" };
    expect(refusal(() => startTime(body, NOW))).toMatchObject({ code: "invalid_request", param: "run_at" });
  });

  test("refuses a time more than 30 days ahead", () => {
    const body = { run_at: new Date(NOW + 30 * DAY_MS + 1).toISOString() };
    expect(refusal(() => startTime(body, NOW))).toMatchObject({ code: "invalid_request", param: "run_at" });
  });
});

describe("the body", () => {
  const takes = (body: object) => submitSchema.safeParse({ prompt: "a", ...body }).success;

  test.each([
    { delay_ms: 30 * DAY_MS },
    { deadline_ms: 1 },
    { deadline_ms: 30 * DAY_MS },
    { model: "m".repeat(256) },
    { metadata: {} },
  ])("takes %j", (body) => expect(takes(body)).toBe(true));

  test.each([
    { prompt: "" },
    { prompt: 1 },
    { prompt: null },
    { type: "image" },
    { model: "" },
    { model: "m".repeat(257) },
    { messages: [] },
    { messages: [{ role: "user", content: "" }] },
    { messages: [{ role: "tool", content: "a" }] },
    { messages: [{ role: "assistant", content: null }] },
    { messages: [{ role: "assistant", tool_calls: [] }] },
    { messages: [{ role: "user", content: "a", tool_calls: [] }] },
    { messages: [{ role: "user", content: "a", name: "b" }] },
    { messages: Array(1_025).fill(message) },
    { input: "" },
    { input: [] },
    { input: ["a", ""] },
    { input: Array(2_049).fill("a") },
    { params: null },
    { params: [] },
    { delay_ms: -1 },
    { delay_ms: 1.5 },
    { delay_ms: Number.NaN },
    { delay_ms: Infinity },
    { delay_ms: 30 * DAY_MS + 1 },
    { deadline_ms: 0 },
    { deadline_ms: 30 * DAY_MS + 1 },
    { run_at: "tomorrow" },
    { run_at: "2026-01-15" },
    { run_at: "2026-01-15T12:00:00" },
    { run_at: "2026-02-30T12:00:00Z" },
    { run_at: "2026-01-15T24:00:00Z" },
    { run_at: 1_763_600_000 },
    { metadata: { a: 1 } },
    { metadata: { "": "a" } },
    { metadata: { ["k".repeat(65)]: "a" } },
    { metadata: { a: "v".repeat(513) } },
    { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) },
    { metadata: [] },
  ])("refuses %j", (body) => expect(takes(body)).toBe(false));

  test.each(["temperature", "constructor", "toString", "__proto__"])("refuses the unknown field %s by name", (name) => {
    const body: unknown = JSON.parse(`{"prompt":"a","${name}":1}`);
    expect(submitSchema.safeParse(body).error?.issues).toMatchObject([{ code: "unrecognized_keys", keys: [name] }]);
  });
});

describe("metadata", () => {
  test("keeps keys that every object has", () => {
    const pairs: unknown = JSON.parse('{"constructor":"a","toString":"b","hasOwnProperty":"c"}');
    expect(Object.entries(metadataSchema.parse(pairs))).toEqual(Object.entries(pairs as object));
  });

  test("refuses __proto__ instead of dropping it", () => {
    const body: unknown = JSON.parse('{"prompt":"a","metadata":{"a":"b","__proto__":"c"}}');
    expect(submitSchema.safeParse(body).error?.issues).toMatchObject([{ path: ["metadata", "__proto__"] }]);
  });

  test("is a plain record in the documentation", () => {
    const { $defs } = z.toJSONSchema(submitSchema, { io: "input" });
    expect($defs?.["Metadata"]).toMatchObject({ type: "object", additionalProperties: { type: "string", maxLength: 512 } });
  });
});

test("refuses a deadline that passes before the job may start", () => {
  const body = { prompt: "hi", delay_ms: 1_000 };
  expect(() => startTime({ ...body, deadline_ms: 1_000 }, 0)).toThrow(expect.objectContaining({ param: "deadline_ms" }));
  expect(startTime({ ...body, deadline_ms: 1_001 }, 0)).toEqual({ delayMs: 1_000, runAtMs: null });
});

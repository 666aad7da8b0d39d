import { AppError, type GenerateRequest, type TokenChunk, UNKNOWN_TOKEN } from "@llamero/core";
import { freePort } from "@llamero/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openRemoteModel, parseRemoteSource } from "../src/index.ts";
import { delta, type FakeServer, json, startFakeServer, stream } from "./fake-server.ts";

let server: FakeServer;
beforeAll(async () => {
  server = await startFakeServer();
});
beforeEach(() => {
  server.asked.length = 0;
});
afterAll(() => server[Symbol.asyncDispose]());

const chat: GenerateRequest = { v: 1, type: "chat", messages: [{ role: "user", content: "hi" }], params: { seed: 7 } };

async function open(options = "", env: Record<string, string> = {}) {
  return (await openRemoteModel(parseRemoteSource(`far=${server.url}?model=Big/Model${options}`), env)).start();
}

async function generate(request: GenerateRequest = chat, emitted?: TokenChunk, options = "") {
  const runtime = await open(options);
  server.asked.length = 0;
  const chunks: TokenChunk[] = [];
  try {
    const task = { id: "t", model: "far", request, ...(emitted === undefined ? {} : { emitted }) };
    return { outcome: await runtime.generate(task, (chunk) => chunks.push(chunk)), chunks };
  } finally {
    await runtime.close();
  }
}

async function errorOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

test("sends the request as it is, greedy where it says nothing, and gives the answer as it comes", async () => {
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 3 } };
  server.answer((_asked, response) => stream(response, [delta("Hel"), delta("lo", "stop"), { choices: [], usage }, null]));
  const { outcome, chunks } = await generate({ ...chat, params: { seed: 7, top_k: 3, max_tokens: 9 } });
  expect(server.asked[0]).toMatchObject({
    path: "/v1/chat/completions",
    body: { model: "Big/Model", messages: chat.messages, seed: 7, top_k: 3, max_tokens: 9, temperature: 0, stream: true },
  });
  expect(chunks).toEqual(["Hel", "lo"].map((text) => ({ tokens: [UNKNOWN_TOKEN], text })));
  expect(outcome).toMatchObject({
    ...{ text: "Hello", tail: "", finishReason: "stop" },
    usage: { prompt_tokens: 5, cached_tokens: 3, completion_tokens: 2, total_tokens: 7 },
  });
});

test("leaves out what the operator says that the server does not take", async () => {
  server.answer((_asked, response) => stream(response, [delta("x", "stop"), null]));
  await generate(chat, undefined, "&without=temperature&without=seed");
  expect(Object.keys(server.asked[0]?.body ?? {}).sort()).toEqual(["messages", "model", "stream", "stream_options"]);
});

test("the key comes from the variable, and one that is not set is told at the start", async () => {
  server.answer((_asked, response) => json(response, 200, { data: [] }));
  const runtime = await open("&key=FAR_KEY", { FAR_KEY: "secret-123" });
  expect(server.asked[0]?.headers.authorization).toBe("Bearer secret-123");
  await runtime.close();
  expect(await errorOf(open("&key=FAR_KEY"))).toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining("FAR_KEY"),
  });
});

test("a chat is begun anew behind what was emitted, and goes on where it agrees", async () => {
  server.answer((_asked, response) => stream(response, [delta("Hello"), delta(" you", "stop"), null]));
  const emitted = { tokens: [1, 2], text: "Hello y" };
  const { outcome, chunks } = await generate(chat, emitted);
  expect([chunks.map(({ text }) => text), outcome.text]).toEqual([["ou"], "Hello you"]);
});

test.each([
  ["another text", [delta("Good"), delta(" bye", "stop"), null]],
  ["less text", [delta("Hel", "stop"), null]],
])("a chat that has %s then is no continuation", async (_name, events) => {
  server.answer((_asked, response) => stream(response, events));
  expect((await errorOf(generate(chat, { tokens: [1], text: "Hello" }))).code).toBe("backend_diverged");
});

test("a completion is asked for anew, too", async () => {
  server.answer((_asked, response) =>
    stream(response, [{ choices: [{ index: 0, text: " upon a time", finish_reason: "length" }] }, null]),
  );
  const request: GenerateRequest = { v: 1, type: "completion", prompt: "Once", params: { seed: 1, max_tokens: 4 } };
  const { outcome, chunks } = await generate(request, { tokens: [5, 6], text: " upon" });
  expect(server.asked[0]).toMatchObject({ path: "/v1/completions", body: { prompt: "Once", max_tokens: 4 } });
  expect([chunks.map(({ text }) => text), outcome]).toMatchObject([
    [" a time"],
    { text: " upon a time", finishReason: "length" },
  ]);
});

test("calls come in pieces", async () => {
  const call = (index: number, piece: object) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index, ...piece }] }, finish_reason: null }],
  });
  server.answer((_asked, response) =>
    stream(response, [
      call(0, { id: "c1", function: { name: "get_weather", arguments: "" } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(0, { function: { arguments: '"Oslo"}' } }),
      call(1, { id: "c2", function: { name: "get_time", arguments: "{}" } }),
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      null,
    ]),
  );
  const { outcome } = await generate();
  expect(outcome).toMatchObject({ finishReason: "tool_calls", text: "" });
  expect(outcome.toolCalls).toEqual([
    { id: "c1", type: "function", function: { name: "get_weather", arguments: '{"city":"Oslo"}' } },
    { id: "c2", type: "function", function: { name: "get_time", arguments: "{}" } },
  ]);
});

test.each([
  [401, {}, "backend_unavailable"],
  [404, {}, "backend_unavailable"],
  [429, {}, "backend_unavailable"],
  [503, {}, "backend_unavailable"],
  [500, {}, "backend_failed"],
  [502, {}, "backend_failed"],
  [400, { error: { message: "temperature is too high" } }, "backend_refused"],
  [400, { error: { message: "too long", code: "context_length_exceeded" } }, "context_length_exceeded"],
  [400, { error: { message: "This model's maximum context length is 10 tokens." } }, "context_length_exceeded"],
])("%i %j is %s", async (status, body, code) => {
  server.answer((_asked, response) => json(response, status, body));
  expect((await errorOf(generate())).code).toBe(code);
});

test.each([
  ["seconds", () => "7", 7],
  ["a date", () => new Date(Date.now() + 20_000).toUTCString(), 20],
  ["what is neither", () => "soon", null],
])("a server that asks for time, by %s, gets it", async (_name, header, seconds) => {
  server.answer((_asked, response) => json(response, 429, {}, { "retry-after": header() }));
  const { retryAfterSeconds } = await errorOf(generate());
  if (seconds === null) expect(retryAfterSeconds).toBeNull();
  else expect(Math.abs((retryAfterSeconds ?? 0) - seconds)).toBeLessThanOrEqual(1);
});

test("an answer that breaks off is not taken for one that has ended", async () => {
  server.answer((_asked, response) => {
    stream(response, [delta("Hel")]);
    response.end();
  });
  expect((await errorOf(generate())).code).toBe("backend_failed");
  server.answer((_asked, response) => {
    stream(response, [delta("Hel")]);
    response.destroy();
  });
  // The client may not have read a byte of it yet.
  expect(["backend_failed", "backend_unavailable"]).toContain((await errorOf(generate())).code);
  server.answer((_asked, response) => stream(response, [delta("Hel"), { error: { message: "out of memory" } }, null]));
  expect((await errorOf(generate())).code).toBe("backend_failed");
});

test("a server that says nothing is given up when its time is over", async () => {
  server.answer((asked, response) => {
    if (asked.path === "/v1/models") json(response, 200, { data: [] });
  });
  const { code, message } = await errorOf(generate(chat, undefined, "&silent=1"));
  expect([code, message]).toEqual(["backend_unavailable", expect.stringContaining("TIMEOUT")]);
});

test("where nobody listens, the message says who it was and why", async () => {
  const port = await freePort();
  const runtime = (await openRemoteModel(parseRemoteSource(`gone=http://127.0.0.1:${port}/v1`), {})).start();
  const error = await errorOf(runtime.generate({ id: "t", model: "gone", request: chat }, () => {}));
  expect([error.code, error.message]).toEqual([
    "backend_unavailable",
    `The server of gone (127.0.0.1:${port}) cannot be reached: ECONNREFUSED.`,
  ]);
  await runtime.close();
});

test("so many requests at once, over connections that are used again, the urgent first", async () => {
  const waiting: (() => void)[] = [];
  server.answer((asked, response) => {
    if (asked.path === "/v1/models") return json(response, 200, { data: [] });
    waiting.push(() => stream(response, [delta("x", "stop"), null]));
  });
  const runtime = await open("&slots=2");
  server.asked.length = 0;
  const before = server.connections();
  const told: string[] = [];
  const run = (id: string, isUrgent = false) => {
    const request: GenerateRequest = { ...chat, messages: [{ role: "user", content: id }] };
    return runtime.generate(
      { id, model: "far", request, isUrgent },
      () => {},
      (isWaiting) => told.push(`${id} ${isWaiting}`),
    );
  };
  const outcomes = [run("a"), run("b"), run("c"), run("d", true)];
  const asked = () => server.asked.map(({ body }) => (body["messages"] as { content: string }[])[0]?.content);
  for (let next = 0; next < 4; next++) {
    await expect.poll(() => waiting.length).toBe(Math.min(4, next + 2));
    waiting[next]?.();
  }
  await Promise.all(outcomes);
  expect(asked()).toEqual(["a", "b", "d", "c"]);
  expect(told.filter((entry) => entry.endsWith("true"))).toEqual(["c true", "d true"]);
  expect(server.connections() - before).toBe(2);
  await runtime.close();
});

test("vectors come in the order of the inputs, with length 1; an answer of another form is the server's failure", async () => {
  const request = { v: 1 as const, type: "embedding" as const, input: ["a", "b"] };
  server.answer((_asked, response) =>
    json(response, 200, {
      data: [
        { index: 1, embedding: [0, 2] },
        { index: 0, embedding: [3, 4] },
      ],
      usage: { prompt_tokens: 2 },
    }),
  );
  const runtime = await open("&does=embedding");
  const { embeddings, usage } = await runtime.embed({ id: "t", model: "far", request });
  expect([embeddings, usage.prompt_tokens]).toEqual([
    [
      [0.6, 0.8],
      [0, 1],
    ],
    2,
  ]);
  for (const body of [{ data: [{ index: 0, embedding: [1] }] }, { vectors: [] }, []]) {
    server.answer((_asked, response) => json(response, 200, body));
    expect((await errorOf(runtime.embed({ id: "t", model: "far", request }))).code).toBe("backend_failed");
  }
  await runtime.close();
});

test("scores are between 0 and 1, the best first", async () => {
  const runtime = await open("&does=rerank");
  const request = { v: 1 as const, type: "rerank" as const, query: "q", documents: ["a", "b", "c"], top_n: 2 };
  const results = (scores: number[]) => ({ results: scores.map((relevance_score, index) => ({ index, relevance_score })) });
  server.answer((_asked, response) => json(response, 200, results([0.1, 0.9, 0.5])));
  expect((await runtime.rerank({ id: "t", model: "far", request })).results).toEqual([
    { index: 1, relevance_score: 0.9 },
    { index: 2, relevance_score: 0.5 },
  ]);
  server.answer((_asked, response) => json(response, 200, results([-3, 0, 4])));
  const raw = await runtime.rerank({ id: "t", model: "far", request });
  expect(raw.results.map(({ index, relevance_score }) => [index, relevance_score.toFixed(2)])).toEqual([
    [2, "0.98"],
    [1, "0.50"],
  ]);
  await runtime.close();
});

test.each([
  [{ data: [{ id: "Big/Model", max_model_len: 4096 }] }, 4096, null],
  [{ data: [{ id: "Big/Model", meta: { n_ctx_train: 2048 } }] }, 2048, null],
  [{ data: [{ id: "Other" }] }, 1_000_000, 'The server of far lists no model "Big/Model". It has Other.'],
  ["no JSON object", 1_000_000, null],
])("learns of the model what the server tells: %j", async (body, contextLength, warning) => {
  server.answer((_asked, response) => json(response, 200, body));
  const model = await openRemoteModel(parseRemoteSource(`far=${server.url}?model=Big/Model`), {});
  expect(model.facts).toMatchObject({ name: "far", context_length: contextLength, backend: new URL(server.url).host, slots: 8 });
  expect(model.warning).toBe(warning);
});

import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { announce, useApi } from "./harness.ts";
import { answering, type Script, type StandInWorker } from "./stand-in-worker.ts";

const api = useApi();
let client: OpenAI;
let close: () => Promise<void>;

beforeEach(async () => {
  const server = await api.listen();
  close = () => server.close();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  api.worker.script = answering;
});
afterEach(() => close());

const messages = [{ role: "user" as const, content: "hello" }];
const chat = { model: "tiny", messages };
const usage = { prompt_tokens: 5, cached_tokens: 3, completion_tokens: 2, total_tokens: 7 };
const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };
/** Writes some words, one a chunk, then ends with them. */
const saying =
  (...words: string[]): Script =>
  async (claim, worker) => {
    for (const [index, word] of words.entries()) await worker.write(claim, index + 1, word);
    const result = { text: words.join(""), finish_reason: "length" as const, usage, timings };
    await worker.end(claim, { status: "succeeded", result, completionTokens: words.length });
  };
/** Does nothing until it is let go. */
function holding(): { script: Script; started: Promise<{ jobId: string }>; let: () => void } {
  const started = Promise.withResolvers<{ jobId: string }>();
  const gate = Promise.withResolvers<void>();
  const script: Script = async (claim, worker: StandInWorker) => {
    await worker.write(claim, 1, "so far");
    started.resolve(claim);
    await gate.promise;
    const ended = await worker.store.finish(claim, { status: "queued" });
    if (ended.outcome === "finished") await worker.add(ended.fed);
  };
  return { script, started: started.promise, let: () => gate.resolve() };
}

/** What a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<InstanceType<typeof APIError>> {
  const error = await call.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof APIError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("chat.completions", () => {
  it("answers with a job's message and usage, under the job's id", async () => {
    api.worker.script = saying("Hi ", "there.");
    const answer = await client.chat.completions.create({ ...chat, max_completion_tokens: 9 });
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi there.", refusal: null }, finish_reason: "length" }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 3 } },
    });
    expect(answer.created).toBeGreaterThan(1_700_000_000);
    const job = await api.job(answer.id);
    expect(job).toMatchObject({ type: "chat", status: "succeeded", params: { temperature: 1, max_tokens: 9 } });
  });

  it("streams it, and the client's own helper puts it together", async () => {
    api.worker.script = saying("Hi ", "there", ".");
    const stream = client.chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    const texts: string[] = [];
    stream.on("content", (text) => void texts.push(text));
    const answer = await stream.finalChatCompletion();
    expect(texts.join("")).toBe("Hi there.");
    expect(answer.choices[0]).toMatchObject({ message: { content: "Hi there." }, finish_reason: "length" });
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 });
  });

  it("begins a stream with the role, ends it with the reason, and sends usage only on request", async () => {
    api.worker.script = saying("Hi");
    const chunks = [];
    for await (const chunk of await client.chat.completions.create({ ...chat, stream: true })) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: "assistant", content: "", refusal: null },
      { content: "Hi" },
      {},
    ]);
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, "length"]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  });

  it("gives several answers, each a job of its own with a seed of its own; the prompt counts once", async () => {
    const answer = await client.chat.completions.create({ ...chat, n: 3, seed: -1 });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 });
    const { data } = (await (await api.request("/v1/jobs")).json()) as { data: { params: { seed: number } }[] };
    expect(data.map(({ params }) => params.seed).toSorted((a, b) => a - b)).toEqual([0, 1, 4_294_967_295]);
  });

  it("streams several answers side by side", async () => {
    api.worker.script = saying("a", "b");
    const texts = ["", ""];
    const stream = await client.chat.completions.create({
      ...chat,
      n: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
    let total = 0;
    for await (const { choices, usage: cost } of stream) {
      for (const { index, delta } of choices) texts[index] += delta.content ?? "";
      total += cost?.total_tokens ?? 0;
    }
    expect(texts).toEqual(["ab", "ab"]);
    expect(total).toBe(9);
  });

  const call = { id: "call_1", type: "function" as const, function: { name: "weather", arguments: '{"city":"Lima"}' } };
  const tools = [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }];
  const calling: Script = (claim, worker) =>
    worker.end(claim, {
      status: "succeeded",
      result: { text: "", finish_reason: "tool_calls", tool_calls: [call], usage, timings },
      completionTokens: 2,
    });

  it("gives tool calls, also in a stream, and takes them back with their results", async () => {
    api.worker.script = calling;
    const answer = await client.chat.completions.create({ ...chat, tools });
    expect(answer.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null, tool_calls: [call] } });
    const streamed = await client.chat.completions.stream({ ...chat, tools }).finalChatCompletion();
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject([call]);
    const message = answer.choices[0]?.message;
    if (message === undefined) throw new Error("no message");
    api.worker.script = answering;
    const result = { role: "tool" as const, tool_call_id: call.id, content: [{ type: "text" as const, text: "sunny" }] };
    const next = await client.chat.completions.create({ ...chat, tools, messages: [...messages, message, result] });
    expect(next.choices[0]?.message.content).toBe("positive");
  });

  it("takes parts of text, developers and what clients send by habit", async () => {
    const answer = await client.chat.completions.create({
      ...chat,
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "one " },
            { type: "text", text: "two" },
          ],
        },
      ],
      user: "u1",
      store: true,
      metadata: { run: "7" },
      service_tier: "flex",
      stop: null,
      logit_bias: {},
      logprobs: false,
      top_logprobs: null,
      reasoning_effort: null,
      modalities: ["text"],
    });
    const record = await api.store.getRecord({ id: answer.id, owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "one two" },
      ],
    });
    expect(await api.job(answer.id)).toMatchObject({ metadata: { run: "7" }, priority: "low" });
  });

  it.each([
    [{ logprobs: true }, "logprobs"],
    [{ top_logprobs: 3 }, "top_logprobs"],
    [{ reasoning_effort: "high" }, "reasoning_effort"],
    [{ modalities: ["audio"] }, "modalities.0"],
    [{ functions: [] }, "functions"],
    [{ n: 100 }, "n"],
    [{ temperature: "hot" }, "temperature"],
    [{ colour: "red" }, "colour"],
    [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }, "messages.0.content.0.type"],
    [{ messages: [{ role: "user", content: "hi", name: "bob" }] }, "messages.0.name"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "assistant" }] }, "messages.0.content"],
    [{ messages: [{ role: "user", content: "" }] }, "messages.0.content"],
    [{ grammar: "root ::= (" }, "grammar"],
  ])("refuses %j by name", async (over, param) => {
    const error = await refusal(client.chat.completions.create({ ...chat, ...over } as never));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });

  it("gives the same answer to the same call with an Idempotency-Key", async () => {
    const options = { headers: { "idempotency-key": "k" } };
    const [first, again] = [
      await client.chat.completions.create({ ...chat, n: 2 }, options),
      await client.chat.completions.create({ ...chat, n: 2 }, options),
    ];
    expect(again.id).toBe(first.id);
    const other = client.chat.completions.create({ ...chat, n: 2, temperature: 0 }, options);
    expect(await refusal(other)).toMatchObject({ status: 409, code: "idempotency_conflict" });
  });
});

describe("a client that goes away", () => {
  it.each([false, true])("cancels its job (stream: %s)", async (stream) => {
    const { script, started, let: letGo } = holding();
    api.worker.script = script;
    const aborter = new AbortController();
    const call = client.chat.completions.create({ ...chat, stream } as never, { signal: aborter.signal });
    const reading = (async () => {
      const answer = (await call) as unknown as AsyncIterable<unknown>;
      for await (const _chunk of answer);
    })().catch(() => {});
    const { jobId } = await started;
    aborter.abort();
    await reading;
    await vi.waitFor(async () => expect(await api.job(jobId)).toMatchObject({ status: "cancelled" }), {
      timeout: 5_000,
      interval: 20,
    });
    letGo();
  });

  it("leaves it where it asked to", async () => {
    const { script, started, let: letGo } = holding();
    api.worker.script = script;
    const aborter = new AbortController();
    const call = client.chat.completions.create(chat, {
      signal: aborter.signal,
      headers: { "x-llamero-keep": "true" },
    });
    const { jobId } = await started;
    aborter.abort();
    await call.catch(() => {});
    api.worker.script = answering;
    letGo();
    await vi.waitFor(async () => expect(await api.job(jobId)).toMatchObject({ status: "succeeded" }), {
      timeout: 5_000,
      interval: 20,
    });
  });
});

describe("errors are those of the client's own classes", () => {
  const failing: Script = (claim, worker) =>
    worker.end(claim, { status: "failed", error: { code: "context_length_exceeded", message: "Too long." } });

  it("what a job fails with", async () => {
    api.worker.script = failing;
    const error = await refusal(client.chat.completions.create(chat));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "context_length_exceeded", message: expect.stringContaining("Too long.") });
  });

  it("also in a stream", async () => {
    api.worker.script = failing;
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    const error = await refusal(
      (async () => {
        for await (const _chunk of stream);
      })(),
    );
    expect(error).toMatchObject({ code: "context_length_exceeded", message: expect.stringContaining("Too long.") });
  });

  it("an unknown model, and one that cannot do it", async () => {
    expect(await refusal(client.chat.completions.create({ ...chat, model: "none" }))).toBeInstanceOf(NotFoundError);
    expect(await refusal(client.chat.completions.create({ ...chat, model: "embedder" }))).toMatchObject({
      status: 400,
      code: "unsupported_capability",
    });
  });

  it("a key that is wrong, and one that has had its share", async () => {
    const { key } = await api.store.apiKeys.create({
      by: "test",
      owner: "alice",
      name: "",
      nowMs: 1,
      limits: { requests_per_minute: 1 },
    });
    api.forgetKeys();
    expect(await refusal(client.models.list())).toBeInstanceOf(AuthenticationError);
    const alice = client.withOptions({ apiKey: key });
    await alice.chat.completions.create(chat);
    const limited = await refusal(alice.chat.completions.create(chat));
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited.headers?.get("retry-after")).toBe("60");
  });

  it("of several answers one too many is refused as a whole: none of them is left", async () => {
    const { key } = await api.store.apiKeys.create({
      by: "test",
      owner: "alice",
      name: "",
      nowMs: 1,
      limits: { requests_per_minute: 2 },
    });
    api.forgetKeys();
    api.worker.script = null;
    const alice = client.withOptions({ apiKey: key });
    expect(await refusal(alice.chat.completions.create({ ...chat, n: 3 }))).toBeInstanceOf(RateLimitError);
    const list = await api.request("/v1/jobs", { headers: { authorization: `Bearer ${key}` } });
    const { data } = (await list.json()) as { data: { status: string }[] };
    expect(data.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  });
});

describe("completions", () => {
  it("continues several texts, each with several answers, in their order", async () => {
    api.worker.script = (claim, worker) =>
      worker.succeed(claim, claim.request.type === "completion" ? claim.request.prompt.toUpperCase() : "");
    const answer = await client.completions.create({ model: "tiny", prompt: ["a", "b"], n: 2 });
    expect(answer.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, "A"],
      [1, "A"],
      [2, "B"],
      [3, "B"],
    ]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 8 });
    expect(await api.job(answer.id)).toMatchObject({ type: "completion", params: { max_tokens: 16 } });
  });

  it("streams", async () => {
    api.worker.script = saying("one", " two");
    let text = "";
    for await (const chunk of await client.completions.create({ model: "tiny", prompt: "a", stream: true }))
      text += chunk.choices[0]?.text ?? "";
    expect(text).toBe("one two");
  });

  it.each([
    [{ prompt: [1, 2] }, "prompt.0"],
    [{ echo: true }, "echo"],
    [{ suffix: "x" }, "suffix"],
    [{ best_of: 2 }, "best_of"],
  ])("refuses %j by name", async (over, param) => {
    expect(await refusal(client.completions.create({ model: "tiny", prompt: "a", ...over } as never))).toMatchObject({ param });
  });
});

describe("embeddings", () => {
  const base = { model: "embedder", input: ["a", "b"] };
  it("come as the client asks for them by itself, in base64, and as numbers", async () => {
    for (const format of [{}, { encoding_format: "float" as const }]) {
      const { data, usage: cost } = await client.embeddings.create({ ...base, ...format });
      expect(data.map(({ index }) => index)).toEqual([0, 1]);
      expect(data[0]?.embedding.map((value) => Number(value.toFixed(5)))).toEqual([0.6, 0.8]);
      expect(cost).toEqual({ prompt_tokens: 5, total_tokens: 5 });
    }
  });

  it("are refused in other dimensions than the model's, and of token ids", async () => {
    expect(await refusal(client.embeddings.create({ ...base, dimensions: 7 }))).toMatchObject({ param: "dimensions" });
    expect(await refusal(client.embeddings.create({ ...base, input: [1, 2] }))).toMatchObject({ param: "input.0" });
  });
});

describe("models", () => {
  it("are listed page by page, and read by their name, also with a slash in it", async () => {
    await announce(api.store, "hf:a/b:q4");
    const names: string[] = [];
    for await (const { id } of client.models.list()) names.push(id);
    expect(names.toSorted()).toEqual(["embedder", "hf:a/b:q4", "tiny"]);
    expect(await client.models.retrieve("hf:a/b:q4")).toMatchObject({ id: "hf:a/b:q4", object: "model", owned_by: "llamero" });
    expect(await refusal(client.models.retrieve("none"))).toBeInstanceOf(NotFoundError);
  });
});

import { answering } from "@llamero/testkit";
import { BadRequestError } from "openai";
import { describe, expect, it } from "vitest";
import { call, calling, refusal, saying, useOpenAi } from "./openai-harness.ts";

const harness = useOpenAi();
const messages = [{ role: "user" as const, content: "hello" }];
const chatBody = { model: "tiny", messages };

describe("chat.completions", () => {
  it("answers with a job's message and usage, under the job's id", async () => {
    harness.api.worker.script = saying("stop", "Hi ", "there.");
    const answer = await harness.client.chat.completions.create({ ...chatBody, max_completion_tokens: 9 });
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi there.", refusal: null }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 3 } },
    });
    expect(answer.created).toBeGreaterThan(1_700_000_000);
    const job = await harness.api.job(answer.id);
    expect(job).toMatchObject({ type: "chat", status: "succeeded", params: { temperature: 1, max_tokens: 9 } });
  });

  it("streams it, and the client's own helper puts it together", async () => {
    harness.api.worker.script = saying("stop", "Hi ", "there", ".");
    const stream = harness.client.chat.completions.stream({ ...chatBody, stream_options: { include_usage: true } });
    const texts: string[] = [];
    stream.on("content", (text) => void texts.push(text));
    const answer = await stream.finalChatCompletion();
    expect(texts.join("")).toBe("Hi there.");
    expect(answer.choices[0]).toMatchObject({ message: { content: "Hi there." }, finish_reason: "stop" });
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 });
  });

  it("begins a stream with the role, ends it with the reason, and sends usage only on request", async () => {
    harness.api.worker.script = saying("stop", "Hi");
    const chunks = [];
    for await (const chunk of await harness.client.chat.completions.create({ ...chatBody, stream: true })) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: "assistant", content: "", refusal: null },
      { content: "Hi" },
      {},
    ]);
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, "stop"]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  });

  it("gives several answers, each a job of its own with a seed of its own; the prompt counts once", async () => {
    const answer = await harness.client.chat.completions.create({ ...chatBody, n: 3, seed: -1 });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 });
    const { data } = (await (await harness.api.request("/v1/jobs")).json()) as { data: { params: { seed: number } }[] };
    expect(data.map(({ params }) => params.seed).toSorted((a, b) => a - b)).toEqual([0, 1, 4_294_967_295]);
  });

  it("streams several answers side by side", async () => {
    harness.api.worker.script = saying("stop", "a", "b");
    const texts = ["", ""];
    const stream = await harness.client.chat.completions.create({
      ...chatBody,
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

  it("is a turn of the session that prompt_cache_key or, before it, the header names", async () => {
    const sessionOf = async (extra: object, headers: Record<string, string> = {}) => {
      const answer = await harness.client.chat.completions.create({ ...chatBody, ...extra }, { headers });
      return (await harness.api.job(answer.id)).session_id;
    };
    expect(await sessionOf({})).toBeNull();
    expect(await sessionOf({ prompt_cache_key: "talk 1" })).toBe("talk 1");
    expect(await sessionOf({ prompt_cache_key: "talk 1" }, { "x-llamero-session": "talk-2" })).toBe("talk-2");
    const long = [await sessionOf({ prompt_cache_key: "x".repeat(500) }), await sessionOf({ prompt_cache_key: "x".repeat(501) })];
    expect(long[0]).toMatch(/^cache_key_\d+$/);
    expect(long[1]).not.toBe(long[0]);
    const tooLong = harness.client.chat.completions.create(chatBody, { headers: { "x-llamero-session": "x".repeat(129) } });
    expect(await refusal(tooLong)).toMatchObject({ status: 400, param: "session_id" });
  });

  const tools = [{ type: "function" as const, function: { name: "weather", parameters: { type: "object" } } }];
  it("gives tool calls, also in a stream, and takes them back with their results", async () => {
    harness.api.worker.script = calling;
    const answer = await harness.client.chat.completions.create({ ...chatBody, tools });
    expect(answer.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null, tool_calls: [call] } });
    const streamed = await harness.client.chat.completions.stream({ ...chatBody, tools }).finalChatCompletion();
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject([call]);
    const message = answer.choices[0]?.message;
    if (message === undefined) throw new Error("no message");
    harness.api.worker.script = answering;
    const result = { role: "tool" as const, tool_call_id: call.id, content: [{ type: "text" as const, text: "sunny" }] };
    const next = await harness.client.chat.completions.create({ ...chatBody, tools, messages: [...messages, message, result] });
    expect(next.choices[0]?.message.content).toBe("positive");
  });

  it("takes parts of text, developers and what clients send by habit", async () => {
    const answer = await harness.client.chat.completions.create({
      ...chatBody,
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
    const record = await harness.api.store.getRecord({ id: answer.id, owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "one two" },
      ],
    });
    expect(await harness.api.job(answer.id)).toMatchObject({ metadata: { run: "7" }, priority: "low" });
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
    const error = await refusal(harness.client.chat.completions.create({ ...chatBody, ...over } as never));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });

  it("gives the same answer to the same call with an Idempotency-Key", async () => {
    const options = { headers: { "idempotency-key": "k" } };
    const [first, again] = [
      await harness.client.chat.completions.create({ ...chatBody, n: 2 }, options),
      await harness.client.chat.completions.create({ ...chatBody, n: 2 }, options),
    ];
    expect(again.id).toBe(first.id);
    const other = harness.client.chat.completions.create({ ...chatBody, n: 2, temperature: 0 }, options);
    expect(await refusal(other)).toMatchObject({ status: 409, code: "idempotency_conflict" });
  });
});

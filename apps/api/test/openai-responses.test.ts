import OpenAI, { APIError, BadRequestError, NotFoundError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useApi } from "./harness.ts";
import { answering, type Script } from "./stand-in-worker.ts";

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

const model = "tiny";
const usage = { prompt_tokens: 5, cached_tokens: 3, completion_tokens: 2, total_tokens: 7 };
const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };
const saying =
  (finish: "stop" | "length", ...words: string[]): Script =>
  async (claim, worker) => {
    for (const [index, word] of words.entries()) await worker.write(claim, index + 1, word);
    const result = { text: words.join(""), finish_reason: finish, usage, timings };
    await worker.end(claim, { status: "succeeded", result, completionTokens: words.length });
  };
const call = { id: "call_1", type: "function" as const, function: { name: "weather", arguments: '{"city":"Lima"}' } };
const calling: Script = (claim, worker) =>
  worker.end(claim, {
    status: "succeeded",
    result: { text: "", finish_reason: "tool_calls", tool_calls: [call], usage, timings },
    completionTokens: 2,
  });
const tools = [{ type: "function" as const, name: "weather", parameters: { type: "object" }, strict: true }];

async function refusal(asked: Promise<unknown>): Promise<InstanceType<typeof APIError>> {
  const error = await asked.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof APIError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

async function eventsOf(stream: Promise<AsyncIterable<ResponseStreamEvent>>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of await stream) events.push(event);
  return events;
}

describe("a response", () => {
  it("is a job that is waited for, and read again under its id", async () => {
    api.worker.script = saying("stop", "Hi ", "there.");
    const response = await client.responses.create({ model, input: "hello", metadata: { run: "7" }, max_output_tokens: 9 });
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      model,
      output_text: "Hi there.",
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: { run: "7" },
      parallel_tool_calls: true,
      temperature: 1,
      top_p: 1,
      tool_choice: "auto",
      tools: [],
      max_output_tokens: 9,
      usage: { input_tokens: 5, input_tokens_details: { cached_tokens: 3 }, output_tokens: 2, total_tokens: 7 },
    });
    expect(response.output).toMatchObject([{ type: "message", role: "assistant", status: "completed" }]);
    expect(await client.responses.retrieve(response.id)).toEqual(response);
    expect(await api.job(response.id.replace("resp_", "job_"))).toMatchObject({ type: "chat", params: { max_tokens: 9 } });
  });

  it("that reaches its limit is incomplete, and says why", async () => {
    api.worker.script = saying("length", "Hi");
    expect(await client.responses.create({ model, input: "hello" })).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output_text: "Hi",
    });
  });

  it("asks for calls, and takes them back with their results, as items", async () => {
    api.worker.script = calling;
    const first = await client.responses.create({ model, input: "weather?", tools, tool_choice: "required" });
    expect(first.output).toMatchObject([
      { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Lima"}' },
    ]);
    expect(first.tools).toMatchObject(tools);
    api.worker.script = answering;
    const next = await client.responses.create({
      model,
      tools,
      input: [
        { role: "user", content: "weather?" },
        ...(first.output as never[]),
        { type: "function_call_output", call_id: "call_1", output: "sunny" },
      ],
    });
    expect(next.output_text).toBe("positive");
    const record = await api.store.getRecord({ id: next.id.replace("resp_", "job_"), owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "user", content: "weather?" },
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "sunny" },
      ],
    });
  });

  it("goes on with an earlier one, without its instructions", async () => {
    const first = await client.responses.create({ model, input: "one", instructions: "Be brief." });
    const second = await client.responses.create({
      model,
      input: "two",
      previous_response_id: first.id,
      instructions: "Be kind.",
    });
    const third = await client.responses.create({ model, input: "three", previous_response_id: second.id });
    expect(third.previous_response_id).toBe(second.id);
    const record = await api.store.getRecord({ id: third.id.replace("resp_", "job_"), owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "user", content: "one" },
        { role: "assistant", content: "positive" },
        { role: "user", content: "two" },
        { role: "assistant", content: "positive" },
        { role: "user", content: "three" },
      ],
    });
    const gone = client.responses.create({ model, input: "x", previous_response_id: `resp_${"0".repeat(26)}` });
    expect(await refusal(gone)).toBeInstanceOf(NotFoundError);
  });

  it("lists what it was asked, page by page", async () => {
    const { id } = await client.responses.create({
      model,
      input: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: [{ type: "input_text", text: "hello" }] },
        { role: "assistant", content: "hi" },
        { role: "user", content: "again" },
      ],
    });
    const items: string[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2, order: "asc" }))
      items.push(
        item.type === "message"
          ? `${item.role}: ${item.content.map((part) => ("text" in part ? part.text : "")).join("")}`
          : item.type,
      );
    expect(items).toEqual(["developer: Be brief.", "user: hello", "assistant: hi", "user: again"]);
  });

  it("conforms to a schema, which it shows as it was given", async () => {
    const format = { type: "json_schema" as const, name: "place", strict: true, schema: { type: "object", properties: {} } };
    const response = await client.responses.create({ model, input: "x", text: { format } });
    expect(response.text?.format).toEqual(format);
    expect(await api.job(response.id.replace("resp_", "job_"))).toMatchObject({
      params: { response_format: { type: "json_schema", json_schema: { name: "place" } } },
    });
  });

  it.each([
    [{ tools: [{ type: "web_search" }] }, "tools.0.type"],
    [{ truncation: "auto" }, "truncation"],
    [{ reasoning: { effort: "high" } }, "reasoning.effort"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ include: ["message.output_text.logprobs"] }, "include.0"],
    [{ input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input.0.content.0.type"],
    [{ input: [] }, "input"],
    [{ input: "" }, "input"],
    [{ colour: "red" }, "colour"],
  ])("refuses %j by name", async (over, param) => {
    const error = await refusal(client.responses.create({ model, input: "hello", ...over } as never));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });
});

describe("a stream", () => {
  it("has every event in its order, numbered through, and the client's own helper takes it", async () => {
    api.worker.script = saying("stop", "Hi ", "there.");
    const events = await eventsOf(client.responses.create({ model, input: "hello", stream: true }));
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const final = await client.responses.stream({ model, input: "hello" }).finalResponse();
    expect(final).toMatchObject({ status: "completed", output_text: "Hi there." });
  });

  it("has calls as items of their own", async () => {
    api.worker.script = calling;
    const events = await eventsOf(client.responses.create({ model, input: "weather?", tools, stream: true }));
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const final = await client.responses.stream({ model, input: "weather?", tools }).finalResponse();
    expect(final.output).toMatchObject([{ type: "function_call", name: "weather", arguments: '{"city":"Lima"}' }]);
  });

  it("is read again from any event on, also when it has ended, and is the same", async () => {
    api.worker.script = saying("stop", "a", "b", "c");
    const live = await eventsOf(client.responses.create({ model, input: "hello", stream: true }));
    const [first] = live;
    const id = first?.type === "response.created" ? first.response.id : "";
    const again = await eventsOf(client.responses.retrieve(id, { stream: true }));
    expect(again.map(({ type }) => type)).toEqual(live.map(({ type }) => type));
    for (const after of [0, 4, live.length - 1])
      expect(await eventsOf(client.responses.retrieve(id, { stream: true, starting_after: after }))).toEqual(
        again.slice(after + 1),
      );
    const helper = client.responses.stream({ response_id: id, starting_after: 5 });
    expect((await helper.finalResponse()).output_text).toBe("abc");
  });

  it("of one that fails ends with that", async () => {
    api.worker.script = async (claim, worker) => {
      await worker.write(claim, 1, "so far");
      await worker.end(claim, { status: "failed", error: { code: "engine_failed", message: "It broke." } });
    };
    const events = await eventsOf(client.responses.create({ model, input: "hello", stream: true }));
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "server_error", message: "It broke." } },
    });
  });
});

describe("in the background", () => {
  it("is answered at once, polled, and streamed as it goes", async () => {
    api.worker.script = null;
    const response = await client.responses.create({ model, input: "hello", background: true });
    expect(response).toMatchObject({ status: "queued", background: true, output: [] });
    const events = eventsOf(client.responses.retrieve(response.id, { stream: true }));
    const claim = await api.worker.take();
    expect(await client.responses.retrieve(response.id)).toMatchObject({ status: "in_progress" });
    await saying("stop", "done")(claim, api.worker);
    expect((await events).map(({ type }) => type).slice(0, 3)).toEqual([
      "response.created",
      "response.queued",
      "response.in_progress",
    ]);
    expect(await client.responses.retrieve(response.id)).toMatchObject({ status: "completed", output_text: "done" });
  });

  it("outlives its client, unlike one in the foreground", async () => {
    api.worker.script = null;
    const statuses = [];
    for (const background of [true, false]) {
      const aborter = new AbortController();
      const events = client.responses.create({ model, input: "hello", background, stream: true }, { signal: aborter.signal });
      for await (const event of await events) {
        if (event.type !== "response.created") continue;
        aborter.abort();
        const id = event.response.id;
        if (!background)
          await vi.waitFor(async () => expect(await client.responses.retrieve(id)).toMatchObject({ status: "cancelled" }), {
            timeout: 5_000,
            interval: 20,
          });
        statuses.push((await client.responses.retrieve(id)).status);
        break;
      }
    }
    expect(statuses).toEqual(["queued", "cancelled"]);
  });

  it("is cancelled, once and no more when it has ended, and only in the background", async () => {
    api.worker.script = null;
    const { id } = await client.responses.create({ model, input: "hello", background: true });
    expect(await client.responses.cancel(id)).toMatchObject({ status: "cancelled" });
    expect(await client.responses.cancel(id)).toMatchObject({ status: "cancelled" });
    api.worker.script = answering;
    await api.worker.open(4);
    const ended = await client.responses.create({ model, input: "hello" });
    expect(await refusal(client.responses.cancel(ended.id))).toBeInstanceOf(BadRequestError);
  });

  it("is deleted, also while it waits", async () => {
    api.worker.script = null;
    const { id } = await client.responses.create({ model, input: "hello", background: true });
    await client.responses.delete(id);
    expect(await refusal(client.responses.retrieve(id))).toBeInstanceOf(NotFoundError);
    expect(await refusal(client.responses.delete(id))).toBeInstanceOf(NotFoundError);
  });
});

it("another owner's response, and a job that is none, are not there", async () => {
  const { id } = await client.responses.create({ model, input: "hello" });
  const { key } = await api.store.apiKeys.create({ by: "test", owner: "bob", name: "", nowMs: 1 });
  api.forgetKeys();
  const bob = client.withOptions({ apiKey: key });
  for (const asked of [bob.responses.retrieve(id), bob.responses.delete(id), bob.responses.cancel(id)])
    expect(await refusal(asked)).toBeInstanceOf(NotFoundError);
  const headers = { authorization: `Bearer ${key}` };
  const job = await api.submit({ prompt: "a" }, headers);
  expect(await refusal(bob.responses.retrieve(job.id.replace("job_", "resp_")))).toBeInstanceOf(NotFoundError);
});

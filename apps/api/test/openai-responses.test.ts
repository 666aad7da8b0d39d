import { answering } from "@llamero/testkit";
import { BadRequestError, NotFoundError } from "openai";
import { describe, expect, it, vi } from "vitest";
import { call, calling, eventsOf, refusal, saying, useOpenAi, withKey } from "./openai-harness.ts";

const harness = useOpenAi();
const model = "tiny";
const tools = [{ type: "function" as const, name: "weather", parameters: { type: "object" }, strict: true }];

describe("a response", () => {
  it("is a job that is waited for, and read again under its id", async () => {
    harness.api.worker.script = saying("stop", "Hi ", "there.");
    const response = await harness.client.responses.create({
      model,
      input: "hello",
      metadata: { run: "7" },
      max_output_tokens: 9,
    });
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
    expect(await harness.client.responses.retrieve(response.id)).toEqual(response);
    expect(await harness.api.job(response.id.replace("resp_", "job_"))).toMatchObject({
      type: "chat",
      params: { max_tokens: 9 },
    });
  });

  it("that reaches its limit is incomplete, and says why", async () => {
    harness.api.worker.script = saying("length", "Hi");
    expect(await harness.client.responses.create({ model, input: "hello" })).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output_text: "Hi",
    });
  });

  it("asks for calls, and takes them back with their results, as items", async () => {
    harness.api.worker.script = calling;
    const first = await harness.client.responses.create({ model, input: "weather?", tools, tool_choice: "required" });
    expect(first.output).toMatchObject([
      { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Lima"}' },
    ]);
    expect(first.tools).toMatchObject(tools);
    harness.api.worker.script = answering;
    const next = await harness.client.responses.create({
      model,
      tools,
      input: [
        { role: "user", content: "weather?" },
        ...(first.output as never[]),
        { type: "function_call_output", call_id: "call_1", output: "sunny" },
      ],
    });
    expect(next.output_text).toBe("positive");
    const record = await harness.api.store.getRecord({ id: next.id.replace("resp_", "job_"), owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "user", content: "weather?" },
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "sunny" },
      ],
    });
  });

  it("goes on with an earlier one, without its instructions", async () => {
    const first = await harness.client.responses.create({ model, input: "one", instructions: "Be brief." });
    const second = await harness.client.responses.create({
      model,
      input: "two",
      previous_response_id: first.id,
      instructions: "Be kind.",
    });
    const third = await harness.client.responses.create({ model, input: "three", previous_response_id: second.id });
    expect(third.previous_response_id).toBe(second.id);
    const jobs = [first, second, third].map(({ id }) => id.replace("resp_", "job_"));
    const sessions = await Promise.all(jobs.map(async (id) => (await harness.api.job(id)).session_id));
    expect(sessions).toEqual([null, jobs[0], jobs[0]]);
    const record = await harness.api.store.getRecord({ id: third.id.replace("resp_", "job_"), owner: "local" });
    expect(record?.request).toMatchObject({
      messages: [
        { role: "user", content: "one" },
        { role: "assistant", content: "positive" },
        { role: "user", content: "two" },
        { role: "assistant", content: "positive" },
        { role: "user", content: "three" },
      ],
    });
    const gone = harness.client.responses.create({ model, input: "x", previous_response_id: `resp_${"0".repeat(26)}` });
    expect(await refusal(gone)).toBeInstanceOf(NotFoundError);
  });

  it("lists what it was asked, page by page", async () => {
    const { id } = await harness.client.responses.create({
      model,
      input: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: [{ type: "input_text", text: "hello" }] },
        { role: "assistant", content: "hi" },
        { role: "user", content: "again" },
      ],
    });
    const items: string[] = [];
    for await (const item of harness.client.responses.inputItems.list(id, { limit: 2, order: "asc" }))
      items.push(
        item.type === "message"
          ? `${item.role}: ${item.content.map((part) => ("text" in part ? part.text : "")).join("")}`
          : item.type,
      );
    expect(items).toEqual(["developer: Be brief.", "user: hello", "assistant: hi", "user: again"]);
  });

  it("conforms to a schema, which it shows as it was given", async () => {
    const format = { type: "json_schema" as const, name: "place", strict: true, schema: { type: "object", properties: {} } };
    const response = await harness.client.responses.create({ model, input: "x", text: { format } });
    expect(response.text?.format).toEqual(format);
    expect(await harness.api.job(response.id.replace("resp_", "job_"))).toMatchObject({
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
    const error = await refusal(harness.client.responses.create({ model, input: "hello", ...over } as never));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });
});

describe("in the background", () => {
  it("is answered at once, polled, and streamed as it goes", async () => {
    harness.api.worker.script = null;
    const response = await harness.client.responses.create({ model, input: "hello", background: true });
    expect(response).toMatchObject({ status: "queued", background: true, output: [] });
    const events = eventsOf(harness.client.responses.retrieve(response.id, { stream: true }));
    const claim = await harness.api.worker.take();
    expect(await harness.client.responses.retrieve(response.id)).toMatchObject({ status: "in_progress" });
    await saying("stop", "done")(claim, harness.api.worker);
    expect((await events).map(({ type }) => type).slice(0, 3)).toEqual([
      "response.created",
      "response.queued",
      "response.in_progress",
    ]);
    expect(await harness.client.responses.retrieve(response.id)).toMatchObject({ status: "completed", output_text: "done" });
  });

  it("outlives its client, unlike one in the foreground", async () => {
    harness.api.worker.script = null;
    const statuses = [];
    for (const background of [true, false]) {
      const aborter = new AbortController();
      const events = harness.client.responses.create(
        { model, input: "hello", background, stream: true },
        { signal: aborter.signal },
      );
      for await (const event of await events) {
        if (event.type !== "response.created") continue;
        aborter.abort();
        const id = event.response.id;
        if (!background)
          await vi.waitFor(
            async () => expect(await harness.client.responses.retrieve(id)).toMatchObject({ status: "cancelled" }),
            {
              timeout: 5_000,
              interval: 20,
            },
          );
        statuses.push((await harness.client.responses.retrieve(id)).status);
        break;
      }
    }
    expect(statuses).toEqual(["queued", "cancelled"]);
  });

  it("is cancelled, once and no more when it has ended, and only in the background", async () => {
    harness.api.worker.script = null;
    const { id } = await harness.client.responses.create({ model, input: "hello", background: true });
    expect(await harness.client.responses.cancel(id)).toMatchObject({ status: "cancelled" });
    expect(await harness.client.responses.cancel(id)).toMatchObject({ status: "cancelled" });
    harness.api.worker.script = answering;
    await harness.api.worker.open(4);
    const ended = await harness.client.responses.create({ model, input: "hello" });
    expect(await refusal(harness.client.responses.cancel(ended.id))).toBeInstanceOf(BadRequestError);
  });

  it("is deleted, also while it waits", async () => {
    harness.api.worker.script = null;
    const { id } = await harness.client.responses.create({ model, input: "hello", background: true });
    await harness.client.responses.delete(id);
    expect(await refusal(harness.client.responses.retrieve(id))).toBeInstanceOf(NotFoundError);
    expect(await refusal(harness.client.responses.delete(id))).toBeInstanceOf(NotFoundError);
  });
});

it("another owner's response, and a job that is none, are not there", async () => {
  const { id } = await harness.client.responses.create({ model, input: "hello" });
  const bob = await withKey(harness, "bob");
  for (const call of ["retrieve", "delete", "cancel"] as const)
    expect(await refusal(bob.responses[call](id))).toBeInstanceOf(NotFoundError);
  const job = await harness.api.submit({ prompt: "a" }, { authorization: `Bearer ${bob.apiKey}` });
  expect(await refusal(bob.responses.retrieve(job.id.replace("job_", "resp_")))).toBeInstanceOf(NotFoundError);
});

import Anthropic, { APIError, BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { beforeEach, describe, expect, it } from "vitest";
import { calling, saying, useOpenAi } from "./openai-harness.ts";

const harness = useOpenAi();
let client: Anthropic;
beforeEach(() => {
  client = new Anthropic({ baseURL: harness.baseURL.replace("/v1", ""), apiKey: "none", maxRetries: 0 });
});

const base = { model: "tiny", max_tokens: 16, messages: [{ role: "user" as const, content: "hello" }] };
const weather = { name: "weather", input_schema: { type: "object" as const, properties: { city: { enum: ["Lima", "Cusco"] } } } };

async function refusal(asked: Promise<unknown>): Promise<InstanceType<typeof APIError>> {
  const error = await asked.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof APIError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("a message", () => {
  it("is answered", async () => {
    harness.api.worker.script = saying("stop", "Hello", " you");
    const message = await client.messages.create({ ...base, system: "Be brief.", metadata: { user_id: "u1" } });
    expect(message).toMatchObject({
      ...{ type: "message", role: "assistant", model: "tiny", stop_reason: "end_turn", stop_sequence: null },
      content: [{ type: "text", text: "Hello you" }],
      usage: { input_tokens: 2, cache_read_input_tokens: 3, cache_creation_input_tokens: 0, output_tokens: 2 },
    });
    const job = await harness.api.job(message.id.replace("msg_", "job_"));
    expect(job).toMatchObject({ type: "chat", params: { max_tokens: 16, temperature: 1 }, metadata: { user_id: "u1" } });
  });

  it("says that it ran into its limit", async () => {
    harness.api.worker.script = saying("length", "Hel");
    expect(await client.messages.create(base)).toMatchObject({ stop_reason: "max_tokens" });
  });

  it("streams, through the client's own helper", async () => {
    harness.api.worker.script = saying("stop", "one", " two");
    const stream = client.messages.stream(base);
    const texts: string[] = [];
    stream.on("text", (text) => texts.push(text));
    const message = await stream.finalMessage();
    expect(texts).toEqual(["one", " two"]);
    expect(message).toMatchObject({
      content: [{ type: "text", text: "one two" }],
      stop_reason: "end_turn",
      usage: { output_tokens: 2 },
    });
  });

  it("asks for calls, also in a stream, and takes their results", async () => {
    harness.api.worker.script = calling;
    const asked = { ...base, tools: [weather], tool_choice: { type: "any" as const } };
    const message = await client.messages.create(asked);
    expect(message).toMatchObject({
      stop_reason: "tool_use",
      content: [{ type: "tool_use", id: "call_1", name: "weather", input: { city: "Lima" } }],
    });
    const streamed = await client.messages.stream(asked).finalMessage();
    expect(streamed.content).toEqual([expect.objectContaining({ type: "tool_use", input: { city: "Lima" } })]);
    harness.api.worker.script = async (claim, worker) => {
      const { request } = claim;
      await worker.succeed(claim, JSON.stringify(request.type === "chat" ? request.messages : null));
    };
    const next = await client.messages.create({
      ...asked,
      messages: [
        ...base.messages,
        { role: "assistant", content: message.content },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "call_1", content: "mild" },
            { type: "text", text: "So?" },
          ],
        },
      ],
    });
    const [part] = next.content;
    expect(JSON.parse(part?.type === "text" ? part.text : "")).toEqual([
      { role: "user", content: "hello" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Lima"}' } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "mild" },
      { role: "user", content: "So?" },
    ]);
  });

  it("is refused in Anthropic's form, by name", async () => {
    const unknown = await refusal(client.messages.create({ ...base, model: "none" }));
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown.error).toMatchObject({ type: "error", error: { type: "not_found_error" } });
    const thinking = await refusal(client.messages.create({ ...base, thinking: { type: "enabled", budget_tokens: 1_024 } }));
    expect(thinking).toBeInstanceOf(BadRequestError);
    expect(thinking.message).toContain("thinking");
    const image = { type: "image" as const, source: { type: "url" as const, url: "https://a.example/b.png" } };
    expect((await refusal(client.messages.create({ ...base, messages: [{ role: "user", content: [image] }] }))).status).toBe(400);
  });

  it("is its key's, sent as Anthropic's client sends it", async () => {
    harness.api.worker.script = saying("stop", "yes");
    const { key } = await harness.api.store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1 });
    harness.api.forgetKeys();
    const message = await client.withOptions({ apiKey: key }).messages.create(base);
    expect(await harness.api.store.getJob({ id: message.id.replace("msg_", "job_"), owner: "alice" })).not.toBeNull();
    expect((await refusal(client.messages.create(base))).status).toBe(401);
  });
});

describe("a message batch", () => {
  const request = (custom_id: string, over: object = {}) => ({ custom_id, params: { ...base, ...over } });

  it("is made, read, listed and cancelled", async () => {
    const made = await client.messages.batches.create({ requests: [request("a"), request("b")] });
    expect(made).toMatchObject({ type: "message_batch", processing_status: "in_progress", results_url: null });
    expect(await client.messages.batches.retrieve(made.id)).toEqual(made);
    const others = [];
    for (let i = 0; i < 3; i++) others.push((await client.messages.batches.create({ requests: [request("a")] })).id);
    const listed: string[] = [];
    for await (const { id } of client.messages.batches.list({ limit: 2 })) listed.push(id);
    expect(listed).toEqual([...others.toReversed(), made.id]);
    expect((await harness.client.batches.list()).data).toEqual([]);
    expect((await client.messages.batches.cancel(made.id)).processing_status).toBe("canceling");
    expect((await refusal(client.messages.batches.delete(made.id))).status).toBe(409);
    await expect(client.messages.batches.results(made.id)).rejects.toThrow("results_url");
  });

  it.each([
    ["the same custom_id twice", [request("a"), request("a")], "requests.1.custom_id"],
    ["an unknown model", [request("a"), request("b", { model: "none" })], "requests.1"],
    ["a stream", [request("a", { stream: true })], "requests.0"],
    ["an unknown parameter", [request("a", { colour: "red" })], "requests.0.params.colour"],
    ["no requests", [], "requests"],
  ])("with %s is refused, and nothing is made", async (_what, requests, place) => {
    expect((await refusal(client.messages.batches.create({ requests } as never))).message).toContain(
      place.split(".").slice(0, 2).join("."),
    );
    expect((await client.messages.batches.list()).data).toEqual([]);
  });

  it.each(["{", '{"requests": [', "[]", "", '{"requests": "x"}'])("of %j is refused", async (body) => {
    const answer = await harness.api.post("/v1/messages/batches", body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  });
});

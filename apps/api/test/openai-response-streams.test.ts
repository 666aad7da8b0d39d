import { describe, expect, it } from "vitest";
import { calling, eventsOf, saying, useOpenAi } from "./openai-harness.ts";

const harness = useOpenAi({ answerMs: 3_000 });
const model = "tiny";
const tools = [{ type: "function" as const, name: "weather", parameters: { type: "object" }, strict: true }];

describe("a stream", () => {
  it("has every event in its order, numbered through, and the client's own helper takes it", async () => {
    harness.api.worker.script = saying("stop", "Hi ", "there.");
    const events = await eventsOf(harness.client.responses.create({ model, input: "hello", stream: true }));
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
    const final = await harness.client.responses.stream({ model, input: "hello" }).finalResponse();
    expect(final).toMatchObject({ status: "completed", output_text: "Hi there." });
  });

  it("has calls as items of their own", async () => {
    harness.api.worker.script = calling;
    const events = await eventsOf(harness.client.responses.create({ model, input: "weather?", tools, stream: true }));
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const final = await harness.client.responses.stream({ model, input: "weather?", tools }).finalResponse();
    expect(final.output).toMatchObject([{ type: "function_call", name: "weather", arguments: '{"city":"Lima"}' }]);
  });

  it("is read again from any event on, also when it has ended, and is the same", async () => {
    harness.api.worker.script = saying("stop", "a", "b", "c");
    const live = await eventsOf(harness.client.responses.create({ model, input: "hello", stream: true }));
    const [first] = live;
    const id = first?.type === "response.created" ? first.response.id : "";
    const again = await eventsOf(harness.client.responses.retrieve(id, { stream: true }));
    expect(again.map(({ type }) => type)).toEqual(live.map(({ type }) => type));
    for (const after of [0, 4, live.length - 1])
      expect(await eventsOf(harness.client.responses.retrieve(id, { stream: true, starting_after: after }))).toEqual(
        again.slice(after + 1),
      );
    const helper = harness.client.responses.stream({ response_id: id, starting_after: 5 });
    expect((await helper.finalResponse()).output_text).toBe("abc");
  });

  it("of one that fails ends with that", async () => {
    harness.api.worker.script = async (claim, worker) => {
      await worker.write(claim, 1, "so far");
      await worker.end(claim, { status: "failed", error: { code: "engine_failed", message: "It broke." } });
    };
    const events = await eventsOf(harness.client.responses.create({ model, input: "hello", stream: true }));
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: { code: "server_error", message: "It broke." } },
    });
  });

  it("that nobody answers in time ends, with its job", async () => {
    harness.api.worker.script = null;
    const events = await eventsOf(harness.client.responses.create({ model, input: "hello", stream: true }));
    expect(events.map(({ type }) => type)).toEqual(["response.created", "response.incomplete"]);
    expect(events.at(-1)).toMatchObject({ response: { status: "cancelled" } });
  });
});

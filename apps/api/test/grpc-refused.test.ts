import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import type { Metadata } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { type GrpcEvent, readAll, readFirst } from "./grpc-client.ts";
import { MAX_BODY_BYTES } from "./harness.ts";
import { useGrpc } from "./use-grpc.ts";

const api = useGrpc({
  fixedKeys: [
    { owner: "alice", key: "alice-secret" },
    { owner: "bob", key: "bob-secret" },
  ],
});
const nobody = `job_${"0".repeat(26)}`;

const alice = () => api.as("alice-secret");
const submit = () => alice().call("Submit", { prompt: "a" });

describe("a key", () => {
  it("is asked for by every method, and a wrong one is told so", async () => {
    for (const method of ["Submit", "Get", "Cancel"])
      expect(await api.grpc.refusal(method, {})).toMatchObject({ code: "UNAUTHENTICATED", reason: "unauthorized" });
    expect((await readAll(api.grpc.stream("Watch", { id: nobody }))).error).toMatchObject({ code: "UNAUTHENTICATED" });
    const stream = api.grpc.duplex("SubmitStream");
    stream.end({ prompt: "a" });
    expect((await readAll(stream)).error).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await api.as("wrong").refusal("Submit", {})).toMatchObject({ code: "UNAUTHENTICATED", reason: "unauthorized" });
  });

  it("may do what its scopes say", async () => {
    const { store } = api.worker;
    const only = async (scope: "read" | "submit" | "read_all") =>
      api.as((await store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1, scopes: [scope] })).key);
    const { id } = await submit();
    const [reader, writer] = [await only("read"), await only("submit")];
    expect(await reader.refusal("Submit", { prompt: "a" })).toMatchObject({
      code: "PERMISSION_DENIED",
      reason: "insufficient_scope",
    });
    expect(await reader.refusal("Cancel", { id })).toMatchObject({ code: "PERMISSION_DENIED" });
    expect(await writer.refusal("Get", { id })).toMatchObject({ code: "PERMISSION_DENIED" });
    expect((await readAll(writer.stream("Watch", { id }))).error).toMatchObject({ code: "PERMISSION_DENIED" });
    expect(await reader.call("Get", { id })).toMatchObject({ id });
    expect(await writer.call("Submit", { prompt: "a" })).toMatchObject({ model: "tiny" });
    const bob = api.as("bob-secret");
    const his = await bob.call("Submit", { prompt: "a" });
    const all = await only("read_all");
    expect(await all.call("Get", { id: his.id, owner: "bob" })).toMatchObject({ id: his.id });
    expect(await readFirst(all.stream("Watch", { id: his.id, owner: "bob" }))).toMatchObject({ cursor: "0-0-queued" });
    expect(await reader.refusal("Get", { id: his.id, owner: "bob" })).toMatchObject({
      code: "PERMISSION_DENIED",
      param: "owner",
    });
    while (api.notifications.size > 0) await turn();
  });

  it("sees another owner's job no more than one that is not there", async () => {
    const { id } = await submit();
    const bob = api.as("bob-secret");
    for (const method of ["Get", "Cancel"]) {
      const [theirs, none] = [await bob.refusal(method, { id }), await bob.refusal(method, { id: nobody })];
      expect(theirs).toMatchObject({ code: "NOT_FOUND", reason: "job_not_found", param: "id" });
      expect({ ...theirs, metadata: null }).toEqual({ ...none, metadata: null, message: none.message.replace(nobody, id) });
    }
    expect((await readAll(bob.stream("Watch", { id }))).error).toMatchObject({ code: "NOT_FOUND", reason: "job_not_found" });
    expect(await alice().call("Get", { id })).toMatchObject({ status: "JOB_STATUS_QUEUED" });
  });

  it("is told what is left of its limits, and when to come again", async () => {
    const limits = { requests_per_minute: 2 };
    const { key } = await api.worker.store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1, limits });
    const client = api.as(key);
    const { head } = await client.ask("Submit", { prompt: "a" });
    expect(head).toMatchObject({ "x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "1" });
    const stream = client.duplex("SubmitStream");
    const ended = once(stream, "status");
    stream.end({ prompt: "a" });
    await readAll(stream);
    const [{ metadata }] = (await ended) as [{ metadata: Metadata }];
    expect(metadata.getMap()).toMatchObject({ "x-ratelimit-remaining-requests": "0" });
    const refused = await client.refusal("Submit", { prompt: "a" });
    expect(refused).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "rate_limited",
      retrySeconds: 30,
      metadata: { "retry-after": "30", "x-ratelimit-remaining-requests": "0" },
    });
  });
});

describe("a request", () => {
  it.each<[string, object, string, string | null]>([
    ["without work", {}, "invalid_request", "prompt"],
    ["with two kinds of work", { prompt: "a", input: ["b"] }, "invalid_request", "input"],
    ["with a parameter out of its range", { prompt: "a", params: { temperature: 9 } }, "invalid_request", "params.temperature"],
    ["with a number that is none", { prompt: "a", params: { top_p: Number.NaN } }, "invalid_request", "params.top_p"],
    ["with an enum that is not known", { prompt: "a", priority: 9 }, "invalid_request", "priority"],
    ["with a message without a role", { messages: [{ content: "a" }] }, "invalid_request", "messages.0.role"],
    ["with a negative count", { prompt: "a", params: { max_tokens: -1 } }, "invalid_request", "params.max_tokens"],
    ["that is too far ahead", { prompt: "a", delay_ms: 2 ** 50 }, "invalid_request", "delay_ms"],
    ["with a time that is none", { prompt: "a", run_at: { seconds: 2 ** 52 } }, "invalid_request", "run_at"],
    [
      "with a schema that is no JSON",
      { prompt: "a", params: { tools: [{ function: { name: "f", parameters_json: "{" } }] } },
      "invalid_json",
      "params.tools.0.function.parameters_json",
    ],
    ["with text that is none", { prompt: "a\0b" }, "invalid_request", "prompt"],
    ["with more values than are taken", { prompt: "a", params: { stop: Array(20_001).fill("a") } }, "invalid_request", null],
    ["for a model that is not there", { prompt: "a", model: "none" }, "model_not_found", "model"],
    ["longer than the model's context", { prompt: "a ".repeat(40_000) }, "context_length_exceeded", "prompt"],
    ["with a key that is none", { prompt: "a", idempotency_key: "a\nb" }, "invalid_request", "Idempotency-Key"],
  ])("%s is refused by name", async (_what, request, reason, param) => {
    const code = reason === "model_not_found" ? "NOT_FOUND" : "INVALID_ARGUMENT";
    expect(await alice().refusal("Submit", request)).toMatchObject({ code, reason, param });
  });

  it("of a newer client, with a field that is not known here, is not taken for another", async () => {
    // prompt: "a", and field 900 with the number 1.
    const raw = Buffer.from([3 * 8 + 2, 1, 0x61, 0xa0, 0x38, 1]);
    expect(await alice().rawRefusal("Submit", raw)).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "unknown_parameter",
      message: expect.stringContaining("field 900 of llamero.v1.SubmitRequest"),
    });
  });

  it("is told what is wrong with it in plain words, whatever it has said", async () => {
    const { message } = await alice().refusal("Get", { id: `100 %: a,${"🦙".repeat(100)}` });
    expect(message).toMatch(/^There is no job 100 %: a,(🦙)+�…\.$/u);
  });

  it("that is larger than a body may be is refused", async () => {
    const refused = await alice().refusal("Submit", { prompt: "a".repeat(MAX_BODY_BYTES) });
    expect(refused).toMatchObject({ code: "RESOURCE_EXHAUSTED", message: expect.stringContaining(String(MAX_BODY_BYTES)) });
  });

  it("with a cursor that is none is refused", async () => {
    const { id } = await submit();
    expect((await readAll(alice().stream("Watch", { id, cursor: "x" }))).error).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "invalid_cursor",
      param: "cursor",
    });
  });

  it("with a wait that is too long is refused", async () => {
    const { id } = await submit();
    for (const wait_seconds of [-1, 61])
      expect(await alice().refusal("Get", { id, wait_seconds })).toMatchObject({
        reason: "invalid_request",
        param: "wait_seconds",
      });
  });
});

describe("a deadline", () => {
  it("ends a wait in time, and with it what the API does for it", async () => {
    const { id } = await submit();
    const startedAt = performance.now();
    const client = alice();
    const waiting = client.refusal("Get", { id, wait_seconds: 60 }, { deadlineMs: 300 });
    const watching = readAll(client.stream<GrpcEvent>("Watch", { id }, { deadlineMs: 300 }));
    expect(await waiting).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(await watching).toMatchObject({ messages: [{ cursor: "0-0-queued" }], error: { code: "DEADLINE_EXCEEDED" } });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    while (api.notifications.size > 0) await turn();
    expect(performance.now() - startedAt).toBeLessThan(2_500);
  });

  it("is the call's alone: the job of a Submit goes on, and can be asked for again", async () => {
    const client = alice();
    const metadata = { "idempotency-key": "late" };
    const { id } = await client.call("Submit", { prompt: "a" }, { metadata, deadlineMs: 5_000 });
    const { status, ...job } = await client.call("Get", { id });
    expect([status, job["deadline_at"]]).toEqual(["JOB_STATUS_QUEUED", undefined]);
    expect(await client.call("Submit", { prompt: "a" }, { metadata })).toMatchObject({ id });
  });

  it("ends a cancel's call, and not the cancel", async () => {
    const { id } = await submit();
    const claim = await api.worker.take();
    expect(await alice().refusal("Cancel", { id }, { deadlineMs: 200 })).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await api.worker.acknowledgeCancel(claim, "so far");
    expect(await alice().call("Get", { id })).toMatchObject({ status: "JOB_STATUS_CANCELLED", output: { text: "so far" } });
    while (api.notifications.size > 0) await turn();
  });
});

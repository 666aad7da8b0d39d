import { setImmediate as turn } from "node:timers/promises";
import { answering } from "@llamero/testkit";
import { describe, expect, it, vi } from "vitest";
import { GrpcClient, type GrpcEvent, type GrpcJob, readAll, readFirst } from "./grpc-client.ts";
import { useGrpc } from "./use-grpc.ts";

const api = useGrpc({ heartbeatMs: 200 });

const submit = (request: object = { prompt: "hello" }) => api.grpc.call("Submit", request);
const get = (id: string, more: object = {}) => api.grpc.call("Get", { id, ...more });
const watch = (id: string, cursor?: string) => api.grpc.stream("Watch", { id, ...(cursor === undefined ? {} : { cursor }) });
const cursors = (events: readonly GrpcEvent[]) => events.map(({ cursor }) => cursor);
const textOf = (events: readonly GrpcEvent[]) => events.map(({ delta }) => delta?.text ?? "").join("");

async function started(request?: object) {
  await submit(request);
  return api.worker.take();
}

describe("Submit", () => {
  it("stores the job that HTTP shows, with all that was asked for", async () => {
    const request = {
      model: "tiny",
      messages: [
        { role: "ROLE_SYSTEM", content: "Be short." },
        { role: "ROLE_USER", content: "Hi" },
      ],
      params: { max_tokens: 5, temperature: 0.7, seed: 4_294_967_295, stop: ["."], logit_bias: { 7: -100 } },
      priority: "PRIORITY_LOW",
      supersede_key: "k",
      delay_ms: 60_000,
      deadline_ms: 2_592_000_000,
      metadata: { team: "x" },
      webhook: { url: "https://hooks.example/", events: ["job.failed"], payload: "thin" },
    };
    const { response: job, head } = await api.grpc.ask("Submit", request);
    const stored = await api.job(job.id);
    expect(stored).toMatchObject({
      type: "chat",
      model: "tiny",
      status: "scheduled",
      priority: "low",
      params: { max_tokens: 5, temperature: 0.7, seed: 4_294_967_295, stop: ["."], logit_bias: { 7: -100 } },
      supersede_key: "k",
      metadata: { team: "x" },
      webhook: { url: "https://hooks.example/", events: ["job.failed"], payload: "thin" },
    });
    expect(job).toMatchObject({
      type: "JOB_TYPE_CHAT",
      status: "JOB_STATUS_SCHEDULED",
      priority: "PRIORITY_LOW",
      params: { max_tokens: 5, temperature: 0.7, seed: 4_294_967_295, stop: ["."], logit_bias: { 7: -100 } },
      created_at: { seconds: Math.floor(Date.parse(stored.created_at) / 1_000) },
      run_at: { seconds: Math.floor(Date.parse(stored.run_at ?? "") / 1_000) },
      metadata: { team: "x" },
      webhook: { url: "https://hooks.example/", events: ["job.failed"], payload: "thin" },
    });
    expect(job["finished_at"]).toBeUndefined();
    expect(head["x-request-id"]).toMatch(/^req_/);
  });

  it("takes chats as HTTP does, with calls of tools and their results", async () => {
    const call = { id: "c1", function: { name: "f", arguments: "{}" } };
    const claim = await started({
      messages: [
        { role: "ROLE_SYSTEM", content: "Be short." },
        { role: "ROLE_USER", content: "Hi" },
        { role: "ROLE_ASSISTANT", tool_calls: [call] },
        { role: "ROLE_TOOL", tool_call_id: "c1", content: "" },
      ],
      params: { tools: [{ function: { name: "f" } }], tool_choice: { mode: "TOOL_MODE_AUTO" } },
    });
    expect(claim.request).toMatchObject({
      messages: [
        { role: "system", content: "Be short." },
        { role: "user", content: "Hi" },
        { role: "assistant", tool_calls: [{ type: "function", ...call }] },
        { role: "tool", tool_call_id: "c1", content: "" },
      ],
      params: { tool_choice: "auto" },
    });
  });

  it("takes texts to embed and documents to score, and gives what comes of them", async () => {
    api.worker.script = answering;
    const embedding = await submit({ model: "embedder", input: ["a", "b"] });
    const { output } = await get(embedding.id, { wait_seconds: 10 });
    expect(output).toMatchObject({
      embeddings: [{ values: [0.6, 0.8].map(Math.fround) }, { values: [0.6, 0.8].map(Math.fround) }],
    });
    const rerank = await submit({ query: "q", documents: ["a", "b"], top_n: 1 });
    expect(await get(rerank.id, { wait_seconds: 10 })).toMatchObject({
      type: "JOB_TYPE_RERANK",
      output: {
        results: [{ relevance_score: 0.5 }, { index: 1, relevance_score: 0.5 }],
      },
    });
  });

  it("keeps the order of a schema's properties, of answers and of tools", async () => {
    const schema = { type: "object", properties: { z: { type: "string" }, a: { type: "string" } }, required: ["z", "a"] };
    const claim = await started({
      prompt: "a",
      params: {
        response_format: {
          type: "RESPONSE_FORMAT_TYPE_JSON_SCHEMA",
          json_schema: { name: "n", schema_json: JSON.stringify(schema) },
        },
      },
    });
    const { params } = claim.request as unknown as { params: object };
    expect(JSON.stringify(params)).toContain(JSON.stringify(schema));
    const { id } = await submit({
      prompt: "a",
      params: {
        tools: [{ function: { name: "f", parameters_json: JSON.stringify(schema) } }],
        tool_choice: { function: "f" },
        parallel_tool_calls: false,
      },
    });
    const stored = await api.job(id);
    expect(JSON.stringify(stored.params?.tools)).toBe(
      JSON.stringify([{ type: "function", function: { name: "f", parameters: schema } }]),
    );
    expect(stored.params).toMatchObject({
      tool_choice: { type: "function", function: { name: "f" } },
      parallel_tool_calls: false,
    });
    expect((await get(id)).params).toMatchObject({
      tools: [{ function: { name: "f", parameters_json: JSON.stringify(schema) } }],
      tool_choice: { function: "f" },
    });
  });

  it("with an idempotency key is one job, over HTTP too, and another error for another job", async () => {
    const metadata = { "idempotency-key": "once" };
    const { id } = await api.grpc.call("Submit", { prompt: "a" }, { metadata });
    expect((await api.grpc.call("Submit", { prompt: "a" }, { metadata })).id).toBe(id);
    expect((await submit({ prompt: "a", idempotency_key: "once" })).id).toBe(id);
    expect((await api.submit({ prompt: "a" }, metadata)).id).toBe(id);
    expect(await api.grpc.refusal("Submit", { prompt: "b" }, { metadata })).toMatchObject({
      code: "ALREADY_EXISTS",
      reason: "idempotency_conflict",
      param: "Idempotency-Key",
    });
  });
});

describe("Get", () => {
  it("answers at once, or the moment that the job ends", async () => {
    const claim = await started();
    expect(await get(claim.jobId)).toMatchObject({ status: "JOB_STATUS_RUNNING", attempts: 1 });
    const waiting = get(claim.jobId, { wait_seconds: 30 });
    while (api.notifications.size === 0) await turn();
    await api.worker.succeed(claim, "done");
    expect(await waiting).toMatchObject({
      status: "JOB_STATUS_SUCCEEDED",
      output: { text: "done", message: { role: "ROLE_ASSISTANT", content: "done" }, finish_reason: "FINISH_REASON_STOP" },
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      timings: { queue_ms: expect.any(Number), prefill_ms: 2 },
    });
  });

  it("shows why a job failed", async () => {
    const claim = await started();
    const error = { code: "context_length_exceeded" as const, message: "The prompt is too long." };
    await api.worker.end(claim, { status: "failed", error });
    expect(await get(claim.jobId)).toMatchObject({
      status: "JOB_STATUS_FAILED",
      error: { code: "context_length_exceeded", message: "The prompt is too long." },
    });
  });
});

describe("Watch", () => {
  it("tells what happens, live, to the end, and the same again", async () => {
    const claim = await started();
    const live = readAll(watch(claim.jobId));
    while (api.notifications.size === 0) await turn();
    await api.worker.write(claim, 1, "pos");
    await api.worker.write(claim, 2, "itive");
    await api.worker.succeed(claim, "positive");
    const { messages, error } = await live;
    expect(error).toBeNull();
    expect(messages).toMatchObject([
      { cursor: "0-0-queued", event: "status", status: { status: "JOB_STATUS_QUEUED" } },
      { cursor: "1-0-running", event: "status", status: { status: "JOB_STATUS_RUNNING", attempt: 1 } },
      { cursor: "1-1-running", event: "delta", delta: { text: "pos", tokens: 1 } },
      { cursor: "1-2-running", event: "delta", delta: { text: "itive", tokens: 1 } },
      { cursor: "1-2-succeeded", event: "done", done: { id: claim.jobId, output: { text: "positive" } } },
    ]);
    expect((await readAll(watch(claim.jobId))).messages).toEqual(messages);
    expect(messages.at(-1)?.done).toEqual(await get(claim.jobId));
  });

  it("goes on behind each cursor at any server, and has nothing behind the last", async () => {
    const claim = await started();
    for (const [index, text] of ["a", "b", "c"].entries()) await api.worker.write(claim, index + 1, text);
    await api.worker.succeed(claim, "abc");
    const { messages } = await readAll(watch(claim.jobId));
    const replica = await api.replica();
    const other = new GrpcClient((await replica.listenGrpc()).url);
    for (const [index, { cursor }] of messages.entries()) {
      const rest = await readAll(other.stream<GrpcEvent>("Watch", { id: claim.jobId, cursor }));
      expect(rest).toEqual({ messages: messages.slice(index + 1), error: null });
    }
    other.close();
  });

  it("gives signs of life in a silence, behind which a client can go on", async () => {
    const { id } = await submit();
    const stream = watch(id);
    const seen: GrpcEvent[] = [];
    for await (const event of stream) if (seen.push(event) === 4) break;
    stream.cancel();
    while (api.notifications.size > 0) await turn();
    expect(seen.map(({ event }) => event)).toEqual(["status", undefined, undefined, undefined]);
    expect(cursors(seen)).toEqual(Array(4).fill("0-0-queued"));
  });

  it("ends with an error when the job is deleted meanwhile", async () => {
    const claim = await started();
    await api.worker.succeed(claim, "a");
    const { readEvents } = api.store;
    vi.spyOn(api.store, "readEvents").mockImplementationOnce(async (job, behind) => {
      const page = await readEvents(job, behind);
      await api.store.remove(job);
      return page;
    });
    expect(await readAll(watch(claim.jobId))).toMatchObject({
      messages: [],
      error: { code: "NOT_FOUND", reason: "job_not_found" },
    });
  });

  it("releases everything when its client leaves", async () => {
    const { id } = await submit();
    await readFirst(watch(id));
    while (api.notifications.size > 0) await turn();
  });
});

describe("Cancel", () => {
  it("ends a waiting job at once", async () => {
    const { id } = await submit({ prompt: "a", delay_ms: 60_000 });
    expect(await api.grpc.call("Cancel", { id })).toMatchObject({ status: "JOB_STATUS_CANCELLED" });
  });

  it("stops a running one, which keeps its text; who watches it sees that", async () => {
    const claim = await started();
    await api.worker.write(claim, 1, "so far");
    const watching = readAll(watch(claim.jobId));
    const cancelling = api.grpc.call<GrpcJob>("Cancel", { id: claim.jobId });
    let k = 2;
    let stop: string | null = null;
    while (stop === null) {
      const result = await api.worker.store.append(claim, k++, { tokens: [1], text: "" });
      if (result.outcome === "appended") stop = result.stop;
    }
    await api.worker.acknowledgeCancel(claim, "so far");
    expect(await cancelling).toMatchObject({ status: "JOB_STATUS_CANCELLED", output: { text: "so far" } });
    const { messages } = await watching;
    expect(textOf(messages)).toBe("so far");
    expect(messages.at(-1)).toMatchObject({ event: "done", done: { status: "JOB_STATUS_CANCELLED" } });
  });
});

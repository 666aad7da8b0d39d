import { describe, expect, test } from "vitest";
import { connectRedis, type Ending } from "../src/index.ts";
import { clockPast, done, eventsOf, newJobId, openSlots, redisNow, start, submit, take, until, useStore } from "./harness.ts";

const harness = useStore();
const usage = { prompt_tokens: 3, cached_tokens: 1, completion_tokens: 2, total_tokens: 5 };
const timings = { queue_ms: 1, prefill_ms: 2, first_token_ms: 3, generate_ms: 4 };

const endings: [string, Ending, object][] = [
  [
    "succeeded",
    { status: "succeeded", result: { text: "", finish_reason: "stop", usage, timings }, completionTokens: 2 },
    { output: { text: "", message: { role: "assistant", content: "" }, finish_reason: "stop" }, usage, timings, error: null },
  ],
  [
    "failed",
    { status: "failed", error: { code: "engine_failed", message: "It broke." } },
    { output: null, error: { code: "engine_failed", message: "It broke." } },
  ],
  [
    "cancelled",
    { status: "cancelled", result: { text: "half", finish_reason: "cancelled", usage }, completionTokens: 2 },
    { output: { text: "half", finish_reason: "cancelled" }, usage, error: null },
  ],
  [
    "expired",
    { status: "expired", result: { text: "half", finish_reason: "deadline", usage }, completionTokens: 2 },
    {
      output: { text: "half", finish_reason: "deadline" },
      error: { code: "deadline_exceeded", message: "The deadline passed while the job ran." },
    },
  ],
];

test.each(endings)("ends a job %s with result, event and place in one step", async (status, ending, shown) => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness, { deadlineMs: 60_000 });
  expect(await store.finish(job.claim, ending)).toEqual({ outcome: "finished", fed: [] });
  const view = await store.getJob(job);
  expect(view).toMatchObject({ status, attempts: 1, ...shown });
  expect(view?.finished_at).not.toBeNull();
  expect(await eventsOf(harness, job.id)).toEqual(["job.started", `job.${status}`]);
});

test("what fails keeps what it had made by then", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.append(job.claim, 1, { tokens: [1, 2], text: "half" });
  await store.finish(job.claim, { status: "failed", error: { code: "engine_failed", message: "It broke." } });
  expect(await store.getJob(job)).toMatchObject({
    status: "failed",
    output: { text: "half", finish_reason: "error" },
    progress: { completion_tokens: 2 },
  });
});

test("stores what was held back as the last chunk, with the end", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.append(job.claim, 1, { tokens: [1, 2], text: "one ST" });
  const result = { text: "one STO 🦙", finish_reason: "length" as const, usage, timings };
  await store.finish(job.claim, { status: "succeeded", result, completionTokens: 2, tail: "O 🦙" });
  const entries = await redis.xrange(store.keys.chunks(job.id), "-", "+");
  expect(entries.at(-1)).toEqual(["2-0", ["tokens", "", "text", "O 🦙", "count", "0"]]);
  const page = await store.readEvents(job, { chunks: 0, attempt: 0 });
  expect(page?.news.map(({ text }) => text).join("")).toBe("one STO 🦙");
  expect(page).toMatchObject({ status: "succeeded", chunks: 2 });
});

test("shows an empty error message as it is, not as another's", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await harness.store.finish(job.claim, { status: "failed", error: { code: "engine_failed", message: "" } });
  expect(await harness.store.getJob(job)).toMatchObject({ error: { code: "engine_failed", message: "" } });
});

test("keeps embeddings", async () => {
  await openSlots(harness, 1);
  const job = await start(harness, { request: { v: 1, type: "embedding", input: ["a"] } });
  const result = { embeddings: [[0.5, -0.25]], usage, timings };
  await harness.store.finish(job.claim, { status: "succeeded", result, completionTokens: 0 });
  expect(await harness.store.getJob(job)).toMatchObject({ status: "succeeded", output: { embeddings: [[0.5, -0.25]] } });
});

test("keeps the scores of documents", async () => {
  await openSlots(harness, 1);
  const job = await start(harness, { request: { v: 1, type: "rerank", query: "q", documents: ["a"] } });
  const results = [{ index: 0, relevance_score: 0.75 }];
  await harness.store.finish(job.claim, { status: "succeeded", result: { results, usage, timings }, completionTokens: 0 });
  expect(await harness.store.getJob(job)).toMatchObject({ type: "rerank", status: "succeeded", output: { results } });
});

const toolCall = { id: "call_1", type: "function", function: { name: "now", arguments: "{}" } } as const;

test.each([
  ["", null],
  ["One moment.", "One moment."],
])("shows tool calls beside the text %j", async (text, content) => {
  await openSlots(harness, 1);
  const job = await start(harness);
  const result = { text, finish_reason: "tool_calls" as const, tool_calls: [toolCall], usage, timings };
  await harness.store.finish(job.claim, { status: "succeeded", result, completionTokens: 2 });
  expect((await harness.store.getJob(job))?.output).toEqual({
    message: { role: "assistant", content, tool_calls: [toolCall] },
    text,
    finish_reason: "tool_calls",
  });
});

describe("refuses", () => {
  test("a job that does not exist", async () => {
    expect(await harness.store.finish({ jobId: newJobId(), fence: 1 }, done)).toEqual({ outcome: "gone" });
  });

  test("another fence", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await take(harness, { job_id: job.id, run: 1 }, "w2");
    expect(await harness.store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
    expect(await harness.store.finish(job.claim, { status: "queued" })).toEqual({ outcome: "fenced" });
  });

  test("a second ending", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await harness.store.finish(job.claim, done);
    const other: Ending = { status: "failed", error: { code: "engine_failed", message: "late" } };
    expect(await harness.store.finish(job.claim, other)).toEqual({ outcome: "fenced" });
    expect(await harness.store.getJob(job)).toMatchObject({ status: "succeeded", error: null });
    expect(await eventsOf(harness, job.id)).toEqual(["job.started", "job.succeeded"]);
  });

  test("a job that was ended over the worker's head", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await harness.store.cancel(job, true);
    expect(await harness.store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
  });
});

describe("handing back", () => {
  test("puts the job before everything that came after it", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    const [, , third] = [await submit(harness), await submit(harness, { owner: "alice" }), await submit(harness)];
    const back = await store.finish(job.claim, { status: "queued" });
    expect(back).toEqual({ outcome: "finished", fed: [{ jobId: job.id, run: 2, slug: "tiny", priority: "normal" }] });
    expect(await store.getJob(job)).toMatchObject({ status: "queued", position: 2 });
    expect(await store.getJob(third)).toMatchObject({ status: "queued", position: 4 });
  });

  test("keeps the place of a job that had been scheduled", async () => {
    const { redis, store } = harness;
    const at = (await redisNow(redis)) + 1;
    const scheduled = await submit(harness, { runAtMs: at });
    await clockPast(redis, at + 1);
    await store.sweep({ retentionMs: 60_000, limit: 10 });
    const later = await submit(harness);
    const [fed] = await openSlots(harness, 1);
    expect(fed?.jobId).toBe(scheduled.id);
    const claim = await take(harness, { job_id: scheduled.id, run: 1 });
    await store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    await store.finish(claim, { status: "queued" });
    await store.cancel(later);
    expect(await store.getJob(scheduled)).toMatchObject({ status: "queued", position: 1 });
  });

  test("ends a job that was asked to stop, with what it had written", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    await store.append(job.claim, 1, { tokens: [1], text: 'a "b"\n' });
    await store.append(job.claim, 2, { tokens: [2], text: "\u0000🦙\u007f/" });
    await store.cancel(job);
    expect(await store.finish(job.claim, { status: "queued" })).toEqual({ outcome: "finished", fed: [] });
    expect(await store.getJob(job)).toMatchObject({
      status: "cancelled",
      error: null,
      output: { text: 'a "b"\n\u0000🦙\u007f/', finish_reason: "cancelled" },
    });
  });

  test("ends a job expired that was asked to stop by its deadline", async () => {
    const { redis, store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness, { deadlineMs: 30 });
    await clockPast(redis, (await redisNow(redis)) + 30);
    await store.sweep({ retentionMs: 60_000, limit: 10 });
    await store.finish(job.claim, { status: "queued" });
    expect(await store.getJob(job)).toMatchObject({
      status: "expired",
      output: { text: "", finish_reason: "deadline" },
      error: { code: "deadline_exceeded", message: "The deadline passed while the job ran." },
    });
  });
});

test("wakes those who wait for the job", async () => {
  const { server, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  const listener = await connectRedis(server.url, "blocking");
  const heard: string[] = [];
  listener.on("pmessage", (_pattern: string, _channel: string, message: string) => heard.push(message));
  await listener.psubscribe(`${store.keys.base}notify:*`);
  await store.finish(job.claim, done);
  await until(
    async () => heard,
    (all) => all.includes(`${job.id},end`),
  );
  listener.disconnect();
});

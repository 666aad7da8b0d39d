import { describe, expect, test } from "vitest";
import { connectRedis, onStopRequest } from "../src/index.ts";
import { done, eventsOf, newJobId, openSlots, redisNow, start, submit, until, useStore } from "./harness.ts";

const harness = useStore();

test("ends a waiting job at once", async () => {
  const { store } = harness;
  const job = await submit(harness);
  expect(await store.cancel(job)).toEqual({ outcome: "cancelled", fed: [] });
  expect(await store.getJob(job)).toMatchObject({ status: "cancelled", output: null, error: null, position: null });
  expect(await eventsOf(harness, job.id)).toEqual(["job.cancelled"]);
});

test("ends a job that waits again at once, with what it had written", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.append(job.claim, 1, { tokens: [1, 2], text: "so far" });
  await store.finish(job.claim, { status: "queued" });
  expect(await store.cancel(job)).toEqual({ outcome: "cancelled", fed: [] });
  expect(await store.getJob(job)).toMatchObject({
    status: "cancelled",
    output: { text: "so far", finish_reason: "cancelled" },
    progress: { completion_tokens: 2 },
  });
});

test("ends a scheduled job at once, which then never runs", async () => {
  const { redis, store } = harness;
  const job = await submit(harness, { runAtMs: (await redisNow(redis)) + 20 });
  expect(await store.cancel(job)).toEqual({ outcome: "cancelled", fed: [] });
  await until(
    () => redisNow(redis),
    (now) => now > (job.runAtMs ?? 0),
  );
  expect(await store.sweep({ retentionMs: 60_000, limit: 10 })).toMatchObject({ due: 0 });
  expect(await store.getJob(job)).toMatchObject({ status: "cancelled" });
});

test("gives the place of a fed job to the next", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const [first, , third] = [await submit(harness), await submit(harness), await submit(harness)];
  expect(await store.cancel(first)).toEqual({
    outcome: "cancelled",
    fed: [{ jobId: third.id, run: 1, slug: "tiny", priority: "normal" }],
  });
});

describe("of a running job", () => {
  test("asks its worker to stop, by message and by a flag that stays", async () => {
    const { server, store } = harness;
    await openSlots(harness, 1);
    const subscriber = await connectRedis(server.url, "blocking");
    const heard: string[] = [];
    await onStopRequest(subscriber, store.keys, (id, reason) => heard.push(`${id} ${reason}`));
    const job = await start(harness);
    expect(await store.cancel(job)).toEqual({ outcome: "requested" });
    await until(
      async () => heard,
      (all) => all.length > 0,
    );
    expect(heard).toEqual([`${job.id} cancelled`]);
    expect(await store.getJob(job)).toMatchObject({ status: "running" });
    expect(await store.append(job.claim, 1, { tokens: [1], text: "x" })).toEqual({
      outcome: "appended",
      stop: "cancelled",
      isWatched: false,
    });
    subscriber.disconnect();
  });

  test("takes the worker's own ending, with text and usage", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    await store.cancel(job);
    const usage = { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 2, total_tokens: 3 };
    const result = { text: "half", finish_reason: "cancelled" as const, usage };
    await store.finish(job.claim, { status: "cancelled", result, completionTokens: 2 });
    expect(await store.getJob(job)).toMatchObject({ status: "cancelled", output: { text: "half" }, usage });
  });

  test("lets a job succeed that was faster than the request", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    await store.cancel(job);
    await store.finish(job.claim, done);
    expect(await store.getJob(job)).toMatchObject({ status: "succeeded" });
  });

  test("gives the worker no more time when it is asked again", async () => {
    const { redis, store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    await store.cancel(job);
    const grace = await redis.zscore(`${store.keys.base}deadlines`, job.id);
    await until(
      () => redisNow(redis),
      (now) => now > Number(grace) - 1_990,
    );
    expect(await store.cancel(job)).toEqual({ outcome: "requested" });
    expect(await redis.zscore(`${store.keys.base}deadlines`, job.id)).toBe(grace);
  });

  test("by force ends it now, with what its stream holds", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness);
    const next = [await submit(harness), await submit(harness)][1];
    await store.append(job.claim, 1, { tokens: [1, 2], text: "one " });
    await store.append(job.claim, 2, { tokens: [3], text: "two" });
    const result = await store.cancel(job, true);
    expect(result).toEqual({ outcome: "cancelled", fed: [{ jobId: next?.id, run: 1, slug: "tiny", priority: "normal" }] });
    expect(await store.getJob(job)).toMatchObject({
      status: "cancelled",
      output: { text: "one two", finish_reason: "cancelled" },
      progress: { completion_tokens: 3 },
      usage: null,
    });
    expect(await store.append(job.claim, 3, { tokens: [4], text: "late" })).toMatchObject({ outcome: "fenced" });
    expect(await store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
  });

  test("ends an embedding whose attempt had nothing to show", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness, { request: { v: 1, type: "embedding", input: ["a"] } });
    await store.cancel(job, false);
    expect(await store.finish(job.claim, { status: "queued" })).toMatchObject({ outcome: "finished" });
    expect(await store.getJob(job)).toMatchObject({ status: "cancelled", output: null, error: null });
  });

  test("by force shows no output for an embedding", async () => {
    const { store } = harness;
    await openSlots(harness, 1);
    const job = await start(harness, { request: { v: 1, type: "embedding", input: ["a"] } });
    await store.cancel(job, true);
    expect(await store.getJob(job)).toMatchObject({ status: "cancelled", output: null });
  });
});

test("says in which state a job has already ended, and changes nothing", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.finish(job.claim, done);
  for (const force of [false, true]) expect(await store.cancel(job, force)).toEqual({ outcome: "terminal", status: "succeeded" });
  expect(await eventsOf(harness, job.id)).toEqual(["job.started", "job.succeeded"]);
});

test("gives nothing away about another owner's job, nor about one that does not exist", async () => {
  const { store } = harness;
  await openSlots(harness, 2);
  const waiting = await submit(harness, { owner: "alice" });
  const running = await start(harness, { owner: "alice" });
  for (const id of [waiting.id, running.id, newJobId()])
    for (const force of [false, true]) expect(await store.cancel({ id, owner: "bob" }, force)).toEqual({ outcome: "gone" });
  expect(await store.getJob(waiting)).toMatchObject({ status: "queued" });
  expect(await store.append(running.claim, 1, { tokens: [1], text: "x" })).toEqual({
    outcome: "appended",
    stop: null,
    isWatched: false,
  });
});

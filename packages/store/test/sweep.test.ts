import { expect, test } from "vitest";
import { clockPast, done, eventsOf, openSlots, redisNow, sampleJob, start, submit, until, useStore } from "./harness.ts";

const harness = useStore();
const KEEP = { retentionMs: 3_600_000, limit: 100 };
/** What lib.lua gives a worker to acknowledge a stop, in milliseconds. */
const STOP_GRACE_MS = 2_000;

test("finds nothing to do in an empty store", async () => {
  expect(await harness.store.sweep(KEEP)).toEqual({ due: 0, ended: 0, retired: 0, forgotten: 0, fed: [] });
});

test("queues scheduled jobs whose time has come, in the order of their times", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  const now = await redisNow(redis);
  const late = await submit(harness, { runAtMs: now + 60_000 });
  const second = await submit(harness, { runAtMs: now + 31 });
  const first = await submit(harness, { runAtMs: now + 30 });
  await clockPast(redis, now + 31);
  const swept = await store.sweep(KEEP);
  expect(swept).toMatchObject({ due: 2, ended: 0 });
  expect(swept.fed.map((job) => job.jobId)).toEqual([first.id, second.id]);
  expect(await store.getJob(first)).toMatchObject({ status: "queued", position: 1 });
  expect(await store.getJob(late)).toMatchObject({ status: "scheduled" });
});

test("expires waiting jobs at their deadline, also those that were scheduled until then", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const now = await redisNow(redis);
  const fed = await submit(harness, { deadlineMs: 20 });
  await submit(harness);
  const backlog = await submit(harness, { deadlineMs: 20 });
  const scheduled = await submit(harness, { deadlineMs: 60, runAtMs: now + 50 });
  const next = await submit(harness);
  await clockPast(redis, (await redisNow(redis)) + 60);
  const swept = await store.sweep(KEEP);
  expect(swept).toMatchObject({ due: 1, ended: 3 });
  expect(swept.fed.map((job) => job.jobId).at(-1)).toBe(next.id);
  for (const job of [fed, backlog, scheduled]) {
    const error = { code: "deadline_exceeded", message: "The deadline passed while the job waited." };
    expect(await store.getJob(job)).toMatchObject({ status: "expired", error, output: null });
    expect(await eventsOf(harness, job.id)).toEqual(["job.expired"]);
  }
});

test("does not feed what it is about to end", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const late = [];
  for (let i = 0; i < 6; i++) late.push(await submit(harness, { deadlineMs: 20 }));
  const next = await submit(harness);
  await clockPast(redis, (await redisNow(redis)) + 20);
  const swept = await store.sweep(KEEP);
  expect(swept).toMatchObject({ ended: 6, fed: [{ jobId: next.id, run: 1, slug: "tiny", priority: "normal" }] });
});

test("asks a running job to stop at its deadline and ends it after the grace with what it has written", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness, { deadlineMs: 20 });
  await clockPast(redis, (await redisNow(redis)) + 20);
  const asked = await redisNow(redis);
  expect(await store.sweep(KEEP)).toMatchObject({ ended: 0 });
  expect(await store.append(job.claim, 1, { tokens: [1], text: "so far" })).toEqual({
    outcome: "appended",
    stop: "deadline",
    isWatched: false,
  });
  expect(await store.sweep(KEEP)).toMatchObject({ ended: 0 });
  await until(
    () => store.sweep(KEEP),
    (swept) => swept.ended === 1,
  );
  expect((await redisNow(redis)) - asked).toBeGreaterThanOrEqual(STOP_GRACE_MS);
  expect(await store.getJob(job)).toMatchObject({
    status: "expired",
    output: { text: "so far", finish_reason: "deadline" },
    error: { code: "deadline_exceeded", message: "The deadline passed while the job ran." },
  });
  expect(await store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
});

test("ends a cancelled job whose worker does not answer", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  const asked = await redisNow(redis);
  await store.cancel(job);
  expect(await store.sweep(KEEP)).toMatchObject({ ended: 0 });
  await until(
    () => store.sweep(KEEP),
    (swept) => swept.ended === 1,
  );
  expect((await redisNow(redis)) - asked).toBeGreaterThanOrEqual(STOP_GRACE_MS);
  expect(await store.getJob(job)).toMatchObject({ status: "cancelled", error: null, output: { text: "" } });
});

test("removes finished jobs after their retention and leaves younger and unfinished ones", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  const old = await start(harness, { metadata: { a: "b" }, idempotency: { key: "k", bodyHash: "b" } });
  await store.finish(old.claim, done);
  const oldEnd = await redisNow(redis);
  await clockPast(redis, oldEnd + 30);
  const young = await start(harness);
  await store.finish(young.claim, done);
  const waiting = await submit(harness);
  expect(await store.sweep(KEEP)).toMatchObject({ retired: 0 });
  const age = (await redisNow(redis)) - oldEnd;
  expect(await store.sweep({ retentionMs: age, limit: 10 })).toMatchObject({ retired: 1 });
  expect(await store.getJob(old)).toBeNull();
  expect(await store.getJob(young)).toMatchObject({ status: "succeeded" });
  expect(await store.sweep({ retentionMs: 0, limit: 10 })).toMatchObject({ retired: 1 });
  expect(await store.getJob(waiting)).toMatchObject({ status: "queued" });
});

test("does at most `limit` of each kind in one pass", async () => {
  const { redis, store } = harness;
  const now = await redisNow(redis);
  for (let i = 0; i < 5; i++) await submit(harness, { runAtMs: now + 10 });
  for (let i = 0; i < 5; i++) await submit(harness, { deadlineMs: 10 });
  for (let i = 0; i < 5; i++) await store.cancel(await submit(harness));
  await clockPast(redis, (await redisNow(redis)) + 10);
  const limits = { retentionMs: 0, limit: 2 };
  expect(await store.sweep(limits)).toMatchObject({ due: 2, ended: 2, retired: 2 });
  expect(await store.sweep(limits)).toMatchObject({ due: 2, ended: 2, retired: 2 });
  expect(await store.sweep(limits)).toMatchObject({ due: 1, ended: 1, retired: 2 });
});

test("gives room back while Redis is full, whatever else is due", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const old = await start(harness);
  await store.finish(old.claim, done);
  await start(harness, { deadlineMs: 20 });
  await clockPast(redis, (await redisNow(redis)) + 20);
  await redis.config("SET", "maxmemory", "1");
  try {
    await expect(store.accept(sampleJob(harness))).rejects.toMatchObject({ code: "redis_memory_full" });
    expect(await store.sweep({ retentionMs: 0, limit: 10 })).toMatchObject({ retired: 1 });
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  expect(await store.getJob(old)).toBeNull();
});

test("leaves nothing of jobs that are gone, however many there were and whosever", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 4);
  const left = async (jobs: number) => {
    for (let i = 0; i < jobs; i++) {
      const idempotency = { key: `k${i}`, bodyHash: "b" };
      const job = await start(harness, { owner: `owner${i % 5}`, metadata: { a: "b" }, idempotency });
      await store.append(job.claim, 1, { tokens: [1], text: "x" });
      await store.finish(job.claim, done);
    }
    await clockPast(redis, await redisNow(redis));
    await until(
      () => store.sweep({ retentionMs: 0, limit: 50 }),
      ({ retired }) => retired < 50,
    );
    await redis.del(store.keys.outbox);
    return (await redis.keys("*")).sort();
  };
  const afterFew = await left(10);
  expect(await left(300)).toEqual(afterFew);
});

test("forgets a silent worker and shrinks the window of its models", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1, "alive");
  await openSlots(harness, 3, "silent");
  await redis.zadd(store.keys.workers, 1, "silent");
  await store.sweep(KEEP);
  expect((await store.liveWorkers()).map((worker) => worker.id)).toEqual(["alive"]);
  const fed = [];
  for (let i = 0; i < 4; i++) fed.push(...(await submit(harness)).fed);
  expect(fed).toHaveLength(2);
});

test("feeds at most 500 jobs in one pass over many models, and beats feed the rest", async () => {
  const { redis, store } = harness;
  const slugs = Array.from({ length: 3 }, (_, i) => `m${i}`);
  const slots = slugs.map((slug) => ({ slug, slots: 150 }));
  await store.beat({ workerId: "w1", host: "test", pid: 1, slots });
  const jobs = slugs.flatMap((slug) =>
    Array.from({ length: 250 }, () => sampleJob(harness, { slug, runAtMs: 4_000_000_000_000 })),
  );
  await Promise.all(jobs.map((job) => store.accept(job)));
  // Their time has come, as far as the sweep can see.
  await redis.zadd(`${store.keys.base}scheduled`, ...jobs.flatMap((job) => [1, job.id]));
  const swept = await store.sweep({ retentionMs: 60_000, limit: 1_000 });
  expect([swept.due, swept.fed.length]).toEqual([750, 500]);
  expect(await store.feed(slugs)).toHaveLength(250);
});

test("lists fed jobs whose carriers may be missing, and no younger ones", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  const running = await start(harness);
  const fed = await submit(harness);
  expect(await store.staleWindow("tiny", 60_000, 10)).toEqual([]);
  const second = Math.ceil((await redisNow(redis)) / 1_000) * 1_000;
  await clockPast(redis, second);
  const carrierOf = (jobId: string) => ({ jobId, run: 1, slug: "tiny", priority: "normal" });
  expect(await store.staleWindow("tiny", 0, 10)).toEqual([
    { jobId: running.id, status: "running", fence: 1, carrier: carrierOf(running.id) },
    { jobId: fed.id, status: "queued", fence: 0, carrier: carrierOf(fed.id) },
  ]);
  expect(await store.staleWindow("tiny", 0, 1)).toHaveLength(1);
});

import { expect, test } from "vitest";
import { createStore } from "../src/index.ts";
import { done, openSlots, redisNow, sampleJob, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const accept = (over: Parameters<typeof sampleJob>[1] = {}) =>
  createStore({ redis: harness.redis, prefix: "test", limits: () => ({ maxWaiting: 3, maxWaitingTokens: null }) }).accept(
    sampleJob(harness, over),
  );

test("takes as many jobs as may wait for a model, of all owners and variants together, and no more until one is fed", async () => {
  for (const over of [{}, { owner: "alice" }, { slug: "tiny~legal" }]) expect((await accept(over)).outcome).toBe("accepted");
  expect(await accept({ owner: "bob" })).toEqual({ outcome: "full", retryAfterSeconds: 60 });
  expect(await accept({ slug: "tiny~legal" })).toMatchObject({ outcome: "full" });
  expect((await accept({ slug: "other" })).outcome).toBe("accepted");
  expect((await accept({ runAtMs: 4_000_000_000_000 })).outcome).toBe("accepted");
  await openSlots(harness, 1);
  expect((await accept()).outcome).toBe("accepted");
});

test("answers a repeated submission as before, however full it is", async () => {
  const idempotency = { key: "k", bodyHash: "b" };
  const first = sampleJob(harness, { idempotency });
  await harness.store.accept(first);
  for (let i = 0; i < 3; i++) await submit(harness);
  expect(await accept({ idempotency })).toEqual({ outcome: "duplicate", id: first.id });
  expect(await accept({ id: first.id })).toEqual({ outcome: "duplicate", id: first.id });
});

test("says when there may be room, by how fast jobs have ended of late", async () => {
  for (let i = 0; i < 12; i++) await submit(harness);
  const now = await redisNow(harness.redis);
  await harness.redis.hset(harness.store.keys.drain("tiny"), { jobs: "2", tokens: "0", at: now, since: now - 1_000_000 });
  // Ten of the twelve have to go first; a moment has passed since.
  expect([5, 6]).toContain(((await accept()) as { retryAfterSeconds: number }).retryAfterSeconds);
  await harness.redis.hset(harness.store.keys.drain("tiny"), { jobs: "0.0001" });
  expect(await accept()).toEqual({ outcome: "full", retryAfterSeconds: 3_600 });
});

test("counts the jobs that end: one a second is told as such after some seconds already, and it fades", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const key = store.keys.drain("tiny");
  /** As if so much time had passed. */
  const passed = async (ms: number) => {
    for (const field of ["at", "since"]) await redis.hincrbyfloat(key, field, -ms);
  };
  const usage = { prompt_tokens: 9, cached_tokens: 0, completion_tokens: 1, total_tokens: 10 };
  for (let i = 1; i <= 120; i++) {
    const job = await start(harness);
    await store.finish(job.claim, { ...done, result: { ...done.result, usage } });
    const { jobsPerSecond, tokensPerSecond } = await store.drainRate("tiny");
    if (i >= 5) expect(jobsPerSecond).toBeGreaterThan(0.9);
    expect(jobsPerSecond).toBeLessThan(1.1);
    expect(tokensPerSecond / jobsPerSecond).toBeCloseTo(10);
    await passed(1_000);
  }
  await passed(120_000);
  expect((await store.drainRate("tiny")).jobsPerSecond).toBeLessThan(0.2);
});

import { expect, test } from "vitest";
import { createStore } from "../src/index.ts";
import { done, openSlots, redisNow, sampleJob, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const accept = (over: Parameters<typeof sampleJob>[1] = {}) =>
  createStore({ redis: harness.redis, prefix: "test", maxWaiting: 3 }).accept(sampleJob(harness, over));

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
  await harness.redis.hset(`${harness.store.keys.base}drain:tiny`, { rate: "2", at: String(await redisNow(harness.redis)) });
  // Ten of the twelve have to go first; a moment has passed since.
  expect([5, 6]).toContain(((await accept()) as { retryAfterSeconds: number }).retryAfterSeconds);
  await harness.redis.hset(`${harness.store.keys.base}drain:tiny`, { rate: "0.0001" });
  expect(await accept()).toEqual({ outcome: "full", retryAfterSeconds: 3_600 });
});

test("counts the jobs that end: after a minute of one a second the rate is two thirds of that, and it fades", async () => {
  await openSlots(harness, 1);
  const key = `${harness.store.keys.base}drain:tiny`;
  const rate = async () => Number(await harness.redis.hget(key, "rate"));
  for (let i = 0; i < 60; i++) {
    const job = await start(harness);
    // A second has passed since the one before.
    if (i > 0) await harness.redis.hset(key, "at", Number(await harness.redis.hget(key, "at")) - 1_000);
    await harness.store.finish(job.claim, done);
  }
  expect(await rate()).toBeGreaterThan(0.6);
  expect(await rate()).toBeLessThan(0.66);
});

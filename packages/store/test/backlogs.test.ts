import { expect, test } from "vitest";
import { BEAT_TTL_MS } from "../src/index.ts";
import { clockPast, done, openSlots, redisNow, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();

const backlogs = (...slugs: string[]) => harness.store.backlogs("w1", slugs);
const read = async (...slugs: string[]) =>
  Object.fromEntries(Array.from(await backlogs(...slugs), ([slug, { waitingMs }]) => [slug, waitingMs]));

test("tells for how long each model's oldest job has waited in its backlog, and null where none does", async () => {
  const { redis } = harness;
  await submit(harness, { slug: "a" });
  const before = await redisNow(redis);
  await clockPast(redis, before + 30);
  await submit(harness, { slug: "a", owner: "other" });
  await submit(harness, { slug: "b" });
  const { a, b, c } = await read("a", "b", "c");
  expect(a).toBeGreaterThanOrEqual(30);
  expect(b).toBeLessThan(30);
  expect(c).toBeNull();
});

test("counts a job that is fed until it is claimed, and one that runs with a live worker never", async () => {
  await openSlots(harness, 1);
  const fed = await submit(harness);
  expect(await read("tiny")).toEqual({ tiny: expect.any(Number) });
  const claim = await take(harness, { job_id: fed.id, run: 1 });
  expect(await read("tiny")).toEqual({ tiny: null });
  await harness.store.finish(claim, done);
  expect(await read("tiny")).toEqual({ tiny: null });
});

test("counts a running job whose worker is gone, behind one that still runs", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  await openSlots(harness, 2, "w2");
  await start(harness);
  const lost = await submit(harness);
  await take(harness, { job_id: lost.id, run: 1 }, "w2");
  expect(await read("tiny")).toEqual({ tiny: null });
  await redis.zadd(store.keys.workers, (await redisNow(redis)) - BEAT_TTL_MS, "w2");
  expect(await read("tiny")).toEqual({ tiny: expect.any(Number) });
});

test("a delayed job waits only from its time on", async () => {
  const { redis, store } = harness;
  const runAtMs = (await redisNow(redis)) + 40;
  await submit(harness, { runAtMs });
  expect(await read("tiny")).toEqual({ tiny: null });
  await clockPast(redis, runAtMs);
  await store.sweep({ retentionMs: 60_000, limit: 10 });
  const { tiny } = await read("tiny");
  expect(tiny).toBeLessThan(40);
});

test("tells which models another live worker has or is loading", async () => {
  const { redis, store } = harness;
  const isElsewhere = async () => (await backlogs("tiny")).get("tiny")?.isElsewhere;
  await openSlots(harness, 1);
  expect(await isElsewhere()).toBe(false);
  await openSlots(harness, 0, "w2");
  expect(await isElsewhere()).toBe(true);
  await redis.zadd(store.keys.workers, (await redisNow(redis)) - BEAT_TTL_MS, "w2");
  expect(await isElsewhere()).toBe(false);
});

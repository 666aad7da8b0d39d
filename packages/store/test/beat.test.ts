import type { Placement } from "@llamero/core";
import { expect, test } from "vitest";
import { BEAT_TTL_MS } from "../src/index.ts";
import { openSlots, redisNow, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const beat = (workerId: string, slots: Record<string, number>) =>
  harness.store.beat({
    workerId,
    host: "test",
    pid: 1,
    slots: Object.entries(slots).map(([slug, count]) => ({ slug, slots: count })),
  });

/** What a worker that tells nothing more is taken for. */
const quiet = { specs: [], is_drained: false, tokens_per_second: 0, started_at_ms: 0, wish_error: null };

test("makes a worker live until its beat is too old", async () => {
  const { redis, store } = harness;
  const before = await redisNow(redis);
  await beat("w1", { tiny: 1, other: 2 });
  const slots = [
    { slug: "tiny", slots: 1 },
    { slug: "other", slots: 2 },
  ];
  expect(await store.liveWorkers()).toEqual([{ id: "w1", host: "test", pid: 1, slots, models: [], ...quiet }]);
  expect(Number(await redis.zscore(store.keys.workers, "w1"))).toBeGreaterThanOrEqual(before + BEAT_TTL_MS);
  await redis.zadd(store.keys.workers, before - 1_000, "w1");
  expect(await store.liveWorkers()).toEqual([]);
});

test("feeds what has waited for slots, for each of the worker's models", async () => {
  const a = await submit(harness, { slug: "a" });
  const b = await submit(harness, { slug: "b" });
  const c = await submit(harness, { slug: "c" });
  const fed = await beat("w1", { a: 1, b: 1 });
  expect(fed.map((job) => job.jobId)).toEqual([a.id, b.id]);
  expect((await beat("w2", { c: 1 })).map((job) => job.jobId)).toEqual([c.id]);
});

test("follows a worker that changes its slots", async () => {
  for (let i = 0; i < 6; i++) await submit(harness);
  expect(await beat("w1", { tiny: 1 })).toHaveLength(2);
  expect(await beat("w1", { tiny: 2 })).toHaveLength(2);
  expect(await beat("w1", { tiny: 1 })).toHaveLength(0);
});

test("takes back the slots of a model that the worker has unloaded", async () => {
  await beat("w1", { tiny: 2, other: 2 });
  await beat("w1", { other: 2 });
  expect((await submit(harness)).fed).toEqual([]);
  expect((await submit(harness, { slug: "other" })).fed).toHaveLength(1);
});

const unloaded: Placement = { slug: "tiny", state: "unloaded", size_bytes: 1, gpu: null, error: null };

test("a worker that has unloaded everything lives, tells so, and is fed nothing", async () => {
  const { store } = harness;
  await beat("w1", { tiny: 1 });
  await store.beat({ workerId: "w1", host: "test", pid: 1, slots: [], models: [unloaded] });
  expect(await store.liveWorkers()).toMatchObject([{ id: "w1", slots: [], models: [unloaded] }]);
  expect((await submit(harness)).fed).toEqual([]);
});

test("without slots and models says goodbye; what was fed stays in the window", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const running = await start(harness);
  const fed = await submit(harness);
  expect(await beat("w1", {})).toEqual([]);
  expect(await store.liveWorkers()).toEqual([]);
  expect((await submit(harness)).fed).toEqual([]);
  expect(await store.getJob(running)).toMatchObject({ status: "running" });
  expect((await store.claim({ job_id: fed.id, run: 1 }, "w2")).outcome).toBe("claimed");
});

test("lets an unknown worker say goodbye", async () => {
  expect(await beat("never-seen", {})).toEqual([]);
  expect(await harness.store.liveWorkers()).toEqual([]);
});

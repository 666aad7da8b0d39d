import { expect, test } from "vitest";
import { openSlots, submit, take, useStore } from "./harness.ts";

const harness = useStore();

/** As the version before wrote it: a process of either version is there while a deployment is rolled. */
const before = { host: "h", pid: 1, slots: [{ slug: "tiny", slots: 2 }], models: [] };

test("a heartbeat of the version before is read, with what it does not tell as nothing", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  await redis.hset(store.keys.worker("w1"), "info", JSON.stringify(before));
  expect(await store.liveWorkers()).toEqual([
    { ...before, id: "w1", specs: [], is_drained: false, tokens_per_second: 0, started_at_ms: 0, wish_error: null },
  ]);
});

test("a heartbeat of the version after is read, without what is not known", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  await redis.hset(store.keys.worker("w1"), "info", JSON.stringify({ ...before, invented: { later: true } }));
  const [live] = await store.liveWorkers();
  expect(live).toMatchObject(before);
  expect(live).not.toHaveProperty("invented");
});

test("a job of the version before, which belongs to no trace, is claimed", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await submit(harness);
  await redis.hdel(store.keys.job(job.id), "trace");
  expect(await take(harness, { job_id: job.id, run: 1 })).toMatchObject({ jobId: job.id, trace: null });
});

test("a record with fields of the version after is read and run, and keeps them", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await submit(harness);
  await redis.hset(store.keys.job(job.id), "invented", "later");
  const claim = await take(harness, { job_id: job.id, run: 1 });
  const usage = { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 0, total_tokens: 1 };
  await store.finish(claim, { status: "succeeded", result: { text: "", finish_reason: "stop", usage }, completionTokens: 0 });
  expect(await store.getJob(job)).toMatchObject({ status: "succeeded" });
  expect(await redis.hget(store.keys.job(job.id), "invented")).toBe("later");
});

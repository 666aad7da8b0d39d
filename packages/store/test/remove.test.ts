import { expect, test } from "vitest";
import { done, newJobId, openSlots, redisNow, start, submit, useStore } from "./harness.ts";

const harness = useStore();

test("removes every part of a finished job", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const left = async () => {
    const idempotency = { key: "k", bodyHash: "b" };
    const job = await start(harness, { metadata: { a: "b" }, idempotency, deadlineMs: 60_000 });
    await store.append(job.claim, 1, { tokens: [1], text: "x" });
    await store.finish(job.claim, { status: "expired", result: { text: "x" }, completionTokens: 1 });
    expect(await store.remove(job)).toEqual({ outcome: "removed" });
    expect(await store.getJob(job)).toBeNull();
    return (await redis.keys("*")).map((key) => key.slice(store.keys.base.length)).sort();
  };
  // Of the queue, whatever went through it: who serves it, how fast it drains, and what its owner has had. Of the job, nothing.
  const ofTheQueue = [
    ...["cap:tiny", "catalogue", "drain:tiny", "fleet:tiny", "outbox"],
    ...["spent:tiny:normal", "states", "virtual:tiny", "waiting", "waiting_tokens", "worker:w1", "workers"],
  ];
  expect(await left()).toEqual(ofTheQueue);
  expect(await left()).toEqual(ofTheQueue);
});

test("refuses a job that has not ended, and says where it is", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const running = await start(harness);
  const queued = await submit(harness);
  const scheduled = await submit(harness, { runAtMs: (await redisNow(redis)) + 60_000 });
  expect(await store.remove(running)).toEqual({ outcome: "unfinished", status: "running" });
  expect(await store.remove(queued)).toEqual({ outcome: "unfinished", status: "queued" });
  expect(await store.remove(scheduled)).toEqual({ outcome: "unfinished", status: "scheduled" });
});

test("refuses another owner's job and one that does not exist", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness, { owner: "alice" });
  await store.finish(job.claim, done);
  expect(await store.remove({ id: job.id, owner: "bob" })).toEqual({ outcome: "gone" });
  expect(await store.remove({ id: newJobId(), owner: "alice" })).toEqual({ outcome: "gone" });
  expect(await store.remove(job)).toEqual({ outcome: "removed" });
  expect(await store.remove(job)).toEqual({ outcome: "gone" });
});

test("leaves a late carrier and a late worker without effect", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.cancel(job, true);
  await store.remove(job);
  const before = await redis.dbsize();
  expect(await store.claim({ job_id: job.id, run: 1 }, "w1")).toEqual({ outcome: "gone", fed: [] });
  expect(await store.append(job.claim, 1, { tokens: [1], text: "x" })).toEqual({ outcome: "gone", last: 0 });
  expect(await store.finish(job.claim, done)).toEqual({ outcome: "gone" });
  expect(await redis.dbsize()).toBe(before);
});

import type { Priority } from "@llamero/core";
import { expect, test } from "vitest";
import { clockPast, done, openSlots, redisNow, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();
const fedOf = async (priority: Priority) => (await submit(harness, { priority })).fed.map((fed) => fed.priority);

test("as many urgent jobs as slots go into a window that is full of others", async () => {
  await openSlots(harness, 2);
  for (let i = 0; i < 4; i++) expect(await fedOf("low")).toEqual(["low"]);
  expect(await fedOf("normal")).toEqual([]);
  expect([await fedOf("high"), await fedOf("high"), await fedOf("high")]).toEqual([["high"], ["high"], []]);
});

test("an urgent one that ends makes room for the next, and not for others", async () => {
  await openSlots(harness, 1);
  await submit(harness, { priority: "low" });
  await submit(harness, { priority: "low" });
  const urgent = await start(harness, { priority: "high" });
  const next = await submit(harness, { priority: "high" });
  await submit(harness, { priority: "normal" });
  const ended = await harness.store.finish(urgent.claim, done);
  expect(ended).toMatchObject({ fed: [{ jobId: next.id, priority: "high" }] });
  const last = await harness.store.finish(await take(harness, { job_id: next.id, run: 1 }), done);
  expect(last).toMatchObject({ outcome: "finished", fed: [] });
});

test("a job that gave its slot away is counted, goes on where it stopped, and is told of to the next worker", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness, { priority: "low" });
  await store.append(job.claim, 1, { tokens: [1, 2], text: "so far" });
  await store.finish(job.claim, { status: "queued", countsAs: "preempted" });
  const claim = await take(harness, { job_id: job.id, run: 2 });
  expect(claim).toMatchObject({
    priority: "low",
    mayYield: true,
    counts: { preempted: 1, lost: 0, crashes: 0, failures: 0 },
    emitted: { tokens: [1, 2], text: "so far" },
  });
});

test("it gives its slot away three times at most, and not at all where it has it by its age; a normal one never does", async () => {
  const { store, redis } = harness;
  await openSlots(harness, 1);
  const job = await start(harness, { priority: "low" });
  let { claim } = job;
  const mayYield = [claim.mayYield];
  for (let run = 2; run <= 4; run++) {
    await store.finish(claim, { status: "queued", countsAs: "preempted" });
    claim = await take(harness, { job_id: job.id, run });
    mayYield.push(claim.mayYield);
  }
  expect(mayYield).toEqual([true, true, true, false]);
  await store.finish(claim, done);
  const normal = await start(harness);
  expect(normal.claim.mayYield).toBe(false);

  await store.settings.change({ ageing: { low_seconds: 1 } }, { by: "test", nowMs: 1 });
  await submit(harness, { priority: "high" });
  const aged = await submit(harness, { priority: "low" });
  for (let i = 0; i < 10; i++) await submit(harness, { priority: "high" });
  await clockPast(redis, (await redisNow(redis)) + 1_000);
  await store.finish(normal.claim, done);
  while ((await redis.zscore(store.keys.window("tiny"), aged.id)) === null)
    for (const id of await redis.zrange(store.keys.window("tiny"), 0, "0"))
      await store.finish(await take(harness, { job_id: id, run: Number(await redis.hget(store.keys.job(id), "run")) }), done);
  expect(await take(harness, { job_id: aged.id, run: 1 })).toMatchObject({ priority: "low", mayYield: false });
});

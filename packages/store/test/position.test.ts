import { expect, test } from "vitest";
import { done, openSlots, redisNow, sampleJob, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const positionOf = async (job: { id: string; owner: string }) => (await harness.store.getJob(job))?.position;

test("counts the jobs of all owners for the same model, in the order of feeding", async () => {
  const jobs = [];
  for (const owner of ["bob", "alice", "alice", "carol", "bob"]) jobs.push(await submit(harness, { owner }));
  await submit(harness, { slug: "other" });
  expect(await Promise.all(jobs.map(positionOf))).toEqual([2, 1, 4, 3, 5]);
});

test("counts fed jobs before the backlog, and running ones not at all", async () => {
  await openSlots(harness, 1);
  const running = await start(harness);
  const fed = await submit(harness, { owner: "alice" });
  const waiting = await submit(harness, { owner: "bob" });
  expect(await Promise.all([running, fed, waiting].map(positionOf))).toEqual([null, 1, 2]);
  await harness.store.finish(running.claim, done);
  expect(await Promise.all([fed, waiting].map(positionOf))).toEqual([1, 2]);
});

test("moves up when a job before it goes", async () => {
  const [first, second, third] = [await submit(harness), await submit(harness), await submit(harness)];
  await harness.store.cancel(second);
  expect(await Promise.all([first, second, third].map(positionOf))).toEqual([1, null, 2]);
});

test("is what feeding then does, also among jobs of one moment", async () => {
  const { redis, store } = harness;
  const jobs = Array.from({ length: 24 }, (_, i) => sampleJob(harness, { owner: ["c", "a", "b"][i % 3] ?? "" }));
  await Promise.all(jobs.map((job) => store.accept(job)));
  for (const job of jobs) await redis.zadd(store.keys.backlog("tiny", "normal", job.owner, null), 1_000, job.id);
  for (const owner of ["a", "b", "c"]) {
    await redis.zadd(store.keys.lines("tiny", "normal", owner), 1_000, "-");
    await redis.zadd(`${store.keys.base}heads:tiny:normal`, 1_000, owner);
  }
  const places = new Map(await Promise.all(jobs.map(async (job) => [job.id, await positionOf(job)] as const)));
  const fed = await openSlots(harness, 12);
  expect(fed.map((job) => places.get(job.jobId))).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
});

test("is not given for a scheduled job, nor among more than 256 owners", async () => {
  const scheduled = await submit(harness, { runAtMs: (await redisNow(harness.redis)) + 60_000 });
  expect(await positionOf(scheduled)).toBeNull();
  for (let i = 0; i < 256; i++) await submit(harness, { owner: `owner-${i}` });
  expect(await positionOf(await submit(harness, { owner: "owner-7" }))).toBe(257);
  expect(await positionOf(await submit(harness, { owner: "one-more" }))).toBeNull();
});

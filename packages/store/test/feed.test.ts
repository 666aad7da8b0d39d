import { expect, test } from "vitest";
import { done, openSlots, sampleJob, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();

test("feeds nothing while no worker has slots", async () => {
  await submit(harness);
  expect(await harness.store.feed(["tiny"])).toEqual([]);
});

test("holds twice the live slots in the window, over all workers", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.push((await submit(harness)).id);
  const first = await openSlots(harness, 2, "w1");
  const second = await openSlots(harness, 3, "w2");
  expect(first.map((job) => job.jobId)).toEqual(ids.slice(0, 4));
  expect(second.map((job) => job.jobId)).toEqual(ids.slice(4, 10));
  expect(await harness.store.feed(["tiny"])).toEqual([]);
});

test("goes by time of submission among the jobs of an owner, and by turns among owners", async () => {
  const submitted: [string, string][] = [];
  for (const owner of ["carol", "alice", "alice", "bob", "carol", "alice"])
    submitted.push([owner, (await submit(harness, { owner })).id]);
  const ofOwner = (owner: string) => submitted.filter(([name]) => name === owner).map(([, id]) => id);
  const [[a1, a2, a3], [b1], [c1, c2]] = ["alice", "bob", "carol"].map(ofOwner) as [string[], string[], string[]];
  const fed = await openSlots(harness, 3);
  expect(fed.map((job) => job.jobId)).toEqual([a1, b1, c1, a2, c2, a3]);
});

test("keeps the order of jobs that came within one millisecond", async () => {
  const jobs = Array.from({ length: 100 }, (_, i) => sampleJob(harness, { owner: i % 2 === 0 ? "alice" : "bob" }));
  await Promise.all(jobs.map((job) => harness.store.accept(job)));
  const fed = await openSlots(harness, 50);
  expect(fed.map((job) => job.jobId)).toEqual(jobs.map((job) => job.id));
  expect(await harness.redis.zrange(harness.store.keys.window("tiny"), 0, "-1")).toEqual(jobs.map((job) => job.id));
});

test("fills several models in one call and keeps them apart", async () => {
  const { redis, store } = harness;
  const a = await submit(harness, { slug: "a" });
  const b = await submit(harness, { slug: "b" });
  for (const slug of ["a", "b"]) await redis.set(`${store.keys.base}cap:${slug}`, 2);
  const fed = await store.feed(["a", "b", "unheard-of"]);
  expect(fed).toEqual([
    { jobId: a.id, run: 1, slug: "a", priority: "normal" },
    { jobId: b.id, run: 1, slug: "b", priority: "normal" },
  ]);
  for (const slug of ["a", "b"]) await openSlots(harness, 1, `w-${slug}`, { slug });
});

test("refills the window when a job ends", async () => {
  await openSlots(harness, 1);
  const running = await start(harness);
  const second = await submit(harness);
  const third = await submit(harness);
  expect([second.fed.length, third.fed.length]).toEqual([1, 0]);
  const ended = await harness.store.finish(running.claim, done);
  expect(ended).toEqual({ outcome: "finished", fed: [{ jobId: third.id, run: 1, slug: "tiny", priority: "normal" }] });
});

test("feeds at most 500 jobs in one call, over all models, and goes on with the next", async () => {
  const { store } = harness;
  const slugs = ["a", "b", "c"];
  for (const slug of slugs)
    await Promise.all(Array.from({ length: 250 }, () => store.accept(sampleJob(harness, { slug, owner: "alice" }))));
  const worker = { workerId: "w1", host: "test", pid: 1, slots: slugs.map((slug) => ({ slug, slots: 200 })) };
  expect(await store.beat(worker)).toHaveLength(500);
  expect(await store.feed(slugs)).toHaveLength(250);
  expect(await store.feed(slugs)).toEqual([]);
});

test("counts a run each time a job is fed", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  const back = await harness.store.finish(job.claim, { status: "queued" });
  expect(back).toEqual({ outcome: "finished", fed: [{ jobId: job.id, run: 2, slug: "tiny", priority: "normal" }] });
  expect((await take(harness, { job_id: job.id, run: 2 })).attempt).toBe(2);
});

import { expect, test } from "vitest";
import type { NewJob } from "../src/index.ts";
import { clockPast, done, eventsOf, openSlots, redisNow, sampleJob, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();
const named = (over: Partial<NewJob> = {}): Partial<NewJob> => ({ supersedeKey: "report", ...over });
const jobOf = (id: string, owner = "local") => harness.store.getJob({ id, owner });

test("a newer job ends the one that waits, or is scheduled, and takes its place", async () => {
  const first = await submit(harness, named());
  const second = await submit(harness, named({ runAtMs: 4_000_000_000_000 }));
  const third = await submit(harness, named());
  expect(await jobOf(first.id)).toMatchObject({
    status: "cancelled",
    supersede_key: "report",
    superseded_by: second.id,
    output: null,
  });
  expect(await jobOf(second.id)).toMatchObject({ status: "cancelled", superseded_by: third.id });
  expect(await jobOf(third.id)).toMatchObject({ status: "queued", superseded_by: null });
  expect(await eventsOf(harness, first.id)).toEqual(["job.cancelled"]);
});

test("one that runs is asked to stop, and keeps what it has made", async () => {
  const { store } = harness;
  await openSlots(harness, 2);
  const job = await start(harness, named());
  await store.append(job.claim, 1, { tokens: [1, 2], text: "so far" });
  const newer = await submit(harness, named());
  expect(newer.fed).toHaveLength(1);
  expect(await jobOf(job.id)).toMatchObject({ status: "running", superseded_by: newer.id });
  expect(await store.append(job.claim, 2, { tokens: [3], text: "!" })).toMatchObject({ stop: "cancelled" });
  await store.finish(job.claim, {
    status: "cancelled",
    result: { text: "so far!", finish_reason: "cancelled" },
    completionTokens: 3,
  });
  expect(await jobOf(job.id)).toMatchObject({ status: "cancelled", output: { text: "so far!" }, superseded_by: newer.id });
});

test("one whose worker does not answer is ended with what its stream holds", async () => {
  const { store, redis } = harness;
  await openSlots(harness, 2);
  const job = await start(harness, named());
  await store.append(job.claim, 1, { tokens: [1], text: "so far" });
  const newer = await submit(harness, named());
  await clockPast(redis, (await redisNow(redis)) + 2_000);
  await store.sweep({ retentionMs: 60_000, limit: 10 });
  expect(await jobOf(job.id)).toMatchObject({ status: "cancelled", output: { text: "so far" }, superseded_by: newer.id });
});

test("what has ended stays as it is, and other owners' jobs and keys are nobody's business", async () => {
  const { store } = harness;
  await openSlots(harness, 4);
  const finished = await start(harness, named());
  await store.finish(finished.claim, done);
  const others = [
    await submit(harness, named({ owner: "bob" })),
    await submit(harness, named({ supersedeKey: "other" })),
    await submit(harness),
  ];
  await submit(harness, named());
  expect(await jobOf(finished.id)).toMatchObject({ status: "succeeded", superseded_by: null });
  for (const { id, owner } of others) expect(await jobOf(id, owner)).toMatchObject({ status: "queued", superseded_by: null });
});

test("the same call again supersedes nothing", async () => {
  const idempotency = { key: "k", bodyHash: "b" };
  const job = await submit(harness, named({ idempotency }));
  expect(await harness.store.accept(sampleJob(harness, named({ idempotency })))).toEqual({ outcome: "duplicate", id: job.id });
  expect(await jobOf(job.id)).toMatchObject({ status: "queued", superseded_by: null });
});

test("what is refused supersedes nothing; what it takes the place of makes room for it", async () => {
  const key = { id: "k1", limits: { max_waiting: 1, requests_per_minute: 2 } };
  const first = await submit(harness, named({ key }));
  const second = await submit(harness, named({ key }));
  expect(await jobOf(first.id)).toMatchObject({ status: "cancelled" });
  expect((await harness.store.accept(sampleJob(harness, named({ key })))).outcome).toBe("limited");
  expect(await jobOf(second.id)).toMatchObject({ status: "queued" });
});

test("a job that was fed and is superseded leaves its place in the window to the next", async () => {
  await openSlots(harness, 1);
  const [first] = [await submit(harness, named()), await submit(harness)];
  const waiting = await submit(harness);
  const newer = await submit(harness, named());
  expect(newer.fed.map(({ jobId }) => jobId)).toEqual([waiting.id]);
  expect(await harness.store.claim({ job_id: first.id, run: 1 }, "w1")).toMatchObject({ outcome: "terminal" });
  await take(harness, { job_id: waiting.id, run: 1 });
});

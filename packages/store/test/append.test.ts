import { expect, test } from "vitest";
import { connectRedis, createStore } from "../src/index.ts";
import { newJobId, openSlots, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const chunk = (text: string, ...tokens: number[]) => ({ tokens, text });

test("stores chunks in order and counts their tokens", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(await store.append(job.claim, 1, chunk("Hel", 1, 2))).toEqual({ outcome: "appended", stop: null, isWatched: false });
  expect(await store.append(job.claim, 2, chunk("", 3))).toEqual({ outcome: "appended", stop: null, isWatched: false });
  expect(await store.append(job.claim, 3, chunk("lo 🦙", 4))).toEqual({ outcome: "appended", stop: null, isWatched: false });
  const entries = await redis.xrange(store.keys.chunks(job.id), "-", "+");
  expect(entries).toEqual([
    ["1-0", ["tokens", "1,2", "text", "Hel", "count", "2"]],
    ["2-0", ["tokens", "3", "text", "", "count", "1"]],
    ["3-0", ["tokens", "4", "text", "lo 🦙", "count", "1"]],
  ]);
  expect(await store.getJob(job)).toMatchObject({ progress: { completion_tokens: 4 } });
});

test("refuses a chunk that is doubled, late or ahead of its turn, and says which was the last", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(await store.append(job.claim, 2, chunk("x", 1))).toEqual({ outcome: "ordinal", last: 0 });
  await store.append(job.claim, 1, chunk("a", 1));
  expect(await store.append(job.claim, 1, chunk("a", 1))).toEqual({ outcome: "ordinal", last: 1 });
  expect(await store.append(job.claim, 3, chunk("c", 1))).toEqual({ outcome: "ordinal", last: 1 });
  expect(await store.append(job.claim, 0, chunk("z", 1))).toEqual({ outcome: "ordinal", last: 1 });
  expect(await store.append(job.claim, 2, chunk("b", 1))).toMatchObject({ outcome: "appended" });
});

test("refuses another fence, lower or higher", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const { id, claim } = await start(harness);
  for (const fence of [claim.fence - 1, claim.fence + 1])
    expect(await store.append({ jobId: id, fence }, 1, chunk("x", 1))).toEqual({ outcome: "fenced", last: 0 });
});

test("refuses a job that waits, has ended or is handed back", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const waiting = await submit(harness);
  expect(await store.append({ jobId: waiting.id, fence: 0 }, 1, chunk("x", 1))).toMatchObject({ outcome: "fenced" });
  await store.cancel(waiting);
  const ended = await start(harness);
  await store.cancel(ended, true);
  expect(await store.append(ended.claim, 1, chunk("x", 1))).toMatchObject({ outcome: "fenced" });
  const handedBack = await start(harness);
  await store.finish(handedBack.claim, { status: "queued" });
  expect(await store.append(handedBack.claim, 1, chunk("x", 1))).toMatchObject({ outcome: "fenced" });
});

test("refuses a job that does not exist", async () => {
  expect(await harness.store.append({ jobId: newJobId(), fence: 1 }, 1, chunk("x", 1))).toEqual({ outcome: "gone", last: 0 });
});

test("tells the worker that the job was asked to stop", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.cancel(job);
  expect(await store.append(job.claim, 1, chunk("x", 1))).toEqual({ outcome: "appended", stop: "cancelled", isWatched: false });
});

test("says whether somebody follows the job's tokens, and so does the next claim", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(job.claim.isWatched).toBe(false);
  await store.readEvents(job, { chunks: 0, attempt: 0 });
  expect(await store.append(job.claim, 1, chunk("a", 1))).toMatchObject({ isWatched: true });
  await store.finish(job.claim, { status: "queued" });
  const [fed] = await store.feed([job.slug]);
  const again = await store.claim({ job_id: job.id, run: fed?.run ?? job.run + 1 }, "worker-2");
  expect(again).toMatchObject({ outcome: "claimed", claim: { isWatched: true } });
});

test("chunks that a broken connection cuts off are stored once", async () => {
  const { server, store, redis } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  const worker = await connectRedis(server.url, "worker");
  try {
    const writing = createStore({ redis: worker, prefix: "test" });
    for (let k = 1; k <= 20; k++) {
      const appended = writing.append(job.claim, k, chunk("x", k));
      await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      const result = await appended;
      expect(result.outcome === "appended" || (result.outcome === "ordinal" && result.last === k)).toBe(true);
    }
    expect(await redis.xlen(store.keys.chunks(job.id))).toBe(20);
  } finally {
    worker.disconnect();
  }
});

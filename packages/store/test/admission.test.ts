import { expect, test } from "vitest";
import { createStore, type NewJob } from "../src/index.ts";
import { openSlots, sampleJob, submit, take, useStore } from "./harness.ts";

const harness = useStore();
/** 10 tokens of prompt, and at most so many of output. */
const costing = (tokens: number): Pick<NewJob, "request"> => ({
  request: { v: 1, type: "completion", prompt: "x".repeat(40), params: { seed: 1, max_tokens: tokens - 10 } },
});

/** Jobs have ended at 100 tokens a second for long, each token in 50 ms of its job's time, and made all that they might. */
async function isDraining(): Promise<void> {
  const { redis, store } = harness;
  const now = await store.now();
  await redis.hset(store.keys.drain("tiny"), {
    at: now,
    since: now - 3_600_000,
    jobs: 1,
    tokens: 100,
    token_ms: 50,
    output: 10_000,
  });
}

const limited = (over: Partial<NewJob>, maxWaitingTokens: number) =>
  createStore({ redis: harness.redis, prefix: "test", limits: () => ({ maxWaiting: null, maxWaitingTokens }) }).accept(
    sampleJob(harness, over),
  );

test("what waits may cost so many tokens, and no more; when there is room follows from how fast tokens are made", async () => {
  await isDraining();
  for (let i = 0; i < 4; i++) expect((await limited(costing(200), 1_000)).outcome).toBe("accepted");
  expect(await limited(costing(790), 1_000)).toEqual({ outcome: "full", retryAfterSeconds: 6 });
  expect((await limited(costing(200), 1_000)).outcome).toBe("accepted");
  expect((await limited({ ...costing(200), runAtMs: 4_000_000_000_000 }, 1_000)).outcome).toBe("accepted");
});

test("a job that is larger than all that may wait is taken when nothing does", async () => {
  await isDraining();
  expect((await limited(costing(900), 500)).outcome).toBe("accepted");
  expect((await limited(costing(20), 500)).outcome).toBe("full");
});

const withDeadline = (deadlineMs: number, over: Partial<NewJob> = {}) =>
  harness.store.accept(sampleJob(harness, { ...costing(100), deadlineMs, ...over }));

test("a job is refused that is not expected to have ended by its deadline, with the earliest that could be met", async () => {
  await isDraining();
  for (let i = 0; i < 10; i++) await submit(harness, costing(100));
  // Ten jobs of 100 tokens at 100 a second, then 100 tokens at 50 ms each.
  const refused = await withDeadline(14_900);
  expect(refused).toMatchObject({ outcome: "late", startsMs: expect.closeTo(10_000, -3), endsMs: expect.closeTo(15_000, -3) });
  expect((await withDeadline(16_000)).outcome).toBe("accepted");
});

test("not behind what others have queued, but for one turn of each", async () => {
  await isDraining();
  for (let i = 0; i < 10; i++) await submit(harness, { ...costing(100), owner: "busy" });
  expect((await withDeadline(5_500)).outcome).toBe("late");
  expect((await withDeadline(6_500)).outcome).toBe("accepted");
});

test("higher classes count whole, lower ones not at all", async () => {
  await isDraining();
  for (let i = 0; i < 10; i++) await submit(harness, { ...costing(100), owner: "busy", priority: "high" });
  expect((await withDeadline(10_000)).outcome).toBe("late");
  expect((await withDeadline(10_000, { priority: "high" })).outcome).toBe("accepted");
  expect((await withDeadline(17_000)).outcome).toBe("accepted");
});

test("a deadline is only a limit of time where nothing waits, or nobody knows how fast the workers are", async () => {
  for (let i = 0; i < 10; i++) await submit(harness, costing(100));
  expect((await withDeadline(10)).outcome).toBe("accepted");
  await harness.redis.flushall();
  await isDraining();
  expect((await withDeadline(10)).outcome).toBe("accepted");
});

test("how long a token takes is learned from jobs that succeed in their first attempt", async () => {
  const { redis, store } = harness;
  const [fed] = await openSlots(harness, 1);
  expect(fed).toBeUndefined();
  const job = await submit(harness, costing(100));
  const claim = await take(harness, { job_id: job.id, run: 1 });
  await redis.hincrby(store.keys.job(job.id), "started_ms", -1_000);
  const usage = { prompt_tokens: 10, cached_tokens: 0, completion_tokens: 90, total_tokens: 100 };
  await store.finish(claim, { status: "succeeded", result: { text: "", finish_reason: "stop", usage }, completionTokens: 90 });
  expect(Number(await redis.hget(store.keys.drain("tiny"), "token_ms"))).toBeCloseTo(10, 0);
});

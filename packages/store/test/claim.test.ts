import { retryPolicy } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { clockPast, done, eventsOf, newJobId, openSlots, redisNow, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();
const LOST_LIMIT = retryPolicy.worker_lost.limit;
const refused = (outcome: string) => ({ outcome, fed: [] });

test("hands out the request under the first fence and counts the attempt", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const job = await submit(harness);
  const claim = await take(harness, { job_id: job.id, run: 1 });
  expect(claim).toMatchObject({ jobId: job.id, fence: 1, attempt: 1, request: job.request });
  expect(claim.queueMs).toBeGreaterThanOrEqual(0);
  const view = await store.getJob(job);
  expect(view).toMatchObject({ status: "running", attempts: 1, position: null });
  expect(Date.parse(view?.started_at ?? "")).toBeLessThanOrEqual(await redisNow(redis));
  expect(await eventsOf(harness, job.id)).toEqual(["job.started"]);
});

test("counts the wait from the time at which the job could first run", async () => {
  const { redis } = harness;
  await openSlots(harness, 1);
  const at = (await redisNow(redis)) + 150;
  const job = await submit(harness, { runAtMs: at });
  await clockPast(redis, at);
  const { fed } = await harness.store.sweep({ retentionMs: 60_000, limit: 10 });
  expect(fed).toHaveLength(1);
  const claim = await take(harness, { job_id: job.id, run: 1 });
  expect(claim.queueMs).toBeLessThanOrEqual((await redisNow(redis)) - at);
});

describe("refuses", () => {
  test("a job that does not exist", async () => {
    expect(await harness.store.claim({ job_id: newJobId(), run: 1 }, "w1")).toEqual(refused("gone"));
  });

  test("a job that has ended", async () => {
    await openSlots(harness, 1);
    const job = await submit(harness);
    await harness.store.cancel(job);
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w1")).toEqual(refused("terminal"));
  });

  test("a job that was never fed, waiting or scheduled", async () => {
    const waiting = await submit(harness);
    const scheduled = await submit(harness, { runAtMs: (await redisNow(harness.redis)) + 60_000 });
    expect(await harness.store.claim({ job_id: waiting.id, run: 1 }, "w1")).toEqual(refused("stale"));
    expect(await harness.store.claim({ job_id: scheduled.id, run: 1 }, "w1")).toEqual(refused("stale"));
  });

  test("the carrier of an earlier run", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await harness.store.finish(job.claim, { status: "queued" });
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w1")).toEqual(refused("stale"));
    expect((await take(harness, { job_id: job.id, run: 2 })).fence).toBeGreaterThan(job.claim.fence);
  });

  test("the carrier of a job that was handed back and stands in the backlog", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await harness.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    expect(await harness.store.finish(job.claim, { status: "queued" })).toEqual({ outcome: "finished", fed: [] });
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w1")).toEqual(refused("stale"));
  });

  test("a waiting job past its deadline, which ends expired", async () => {
    await openSlots(harness, 1);
    const job = await submit(harness, { deadlineMs: 1 });
    const next = [await submit(harness), await submit(harness)][1];
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 1);
    const result = await harness.store.claim({ job_id: job.id, run: 1 }, "w1");
    expect(result).toEqual({ outcome: "expired", fed: [{ jobId: next?.id, run: 1, slug: "tiny", priority: "normal" }] });
    expect(await harness.store.getJob(job)).toMatchObject({
      status: "expired",
      output: null,
      error: { code: "deadline_exceeded", message: "The deadline passed while the job waited." },
    });
    expect(await eventsOf(harness, job.id)).toEqual(["job.expired"]);
  });

  test("a waiting job past its deadline that had begun, which ends expired with what it had written", async () => {
    await openSlots(harness, 1);
    const job = await start(harness, { deadlineMs: 200 });
    await harness.store.append(job.claim, 1, { tokens: [1, 2], text: "so far" });
    await harness.store.finish(job.claim, { status: "queued" });
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 200);
    expect(await harness.store.claim({ job_id: job.id, run: 2 }, "w2")).toEqual(refused("expired"));
    expect(await harness.store.getJob(job)).toMatchObject({
      status: "expired",
      output: { text: "so far", finish_reason: "deadline" },
      error: { code: "deadline_exceeded", message: "The deadline passed while the job waited." },
    });
  });

  test("a running job past its deadline, which ends expired with what it had written", async () => {
    await openSlots(harness, 1);
    const job = await start(harness, { deadlineMs: 200 });
    await harness.store.append(job.claim, 1, { tokens: [1, 2], text: "so far" });
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 200);
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w2")).toEqual(refused("expired"));
    expect(await harness.store.getJob(job)).toMatchObject({
      status: "expired",
      output: { text: "so far", finish_reason: "deadline" },
      progress: { completion_tokens: 2 },
      error: { code: "deadline_exceeded", message: "The deadline passed while the job ran." },
    });
  });

  test("a job that has lost its worker too often, which ends failed", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    for (let attempt = 2; attempt <= LOST_LIMIT; attempt++)
      expect((await take(harness, { job_id: job.id, run: 1 }, `w${attempt}`)).attempt).toBe(attempt);
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w9")).toEqual(refused("exhausted"));
    expect(await harness.store.getJob(job)).toMatchObject({
      status: "failed",
      attempts: LOST_LIMIT,
      error: { code: "worker_lost", message: `The job lost its worker ${LOST_LIMIT} times in a row without a new token.` },
    });
    expect((await eventsOf(harness, job.id)).at(-1)).toBe("job.failed");
  });

  test("a running job that was asked to stop: it ends with what it had written", async () => {
    await openSlots(harness, 1);
    const job = await start(harness);
    await harness.store.append(job.claim, 1, { tokens: [1], text: "so far" });
    await harness.store.cancel(job);
    expect(await harness.store.claim({ job_id: job.id, run: 1 }, "w2")).toEqual(refused("terminal"));
    expect(await harness.store.getJob(job)).toMatchObject({ status: "cancelled", output: { text: "so far" }, attempts: 1 });
  });
});

const nothing = { chunks: 0, tokens: [], text: "" };

test("takes a running job over: a higher fence, what is there, the earlier worker shut out", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(job.claim).toMatchObject({ emitted: nothing, firstTokenMs: null });
  expect(await store.isHeld(job.claim)).toBe(true);
  await store.append(job.claim, 1, { tokens: [1, 2, 3], text: "so " });
  await store.append(job.claim, 2, { tokens: [4], text: "" });
  const second = await take(harness, { job_id: job.id, run: 1 }, "w2");
  expect(second).toMatchObject({ fence: 2, attempt: 2, emitted: { chunks: 2, tokens: [1, 2, 3, 4], text: "so " } });
  expect(second.firstTokenMs).toBeGreaterThanOrEqual(0);
  expect(second.firstTokenMs).toBeLessThanOrEqual(second.queueMs);
  expect(await store.getJob(job)).toMatchObject({ status: "running", resumed_from: 4, progress: { completion_tokens: 4 } });
  expect([await store.isHeld(job.claim), await store.isHeld(second)]).toEqual([false, true]);
  expect(await store.append(job.claim, 3, { tokens: [5], text: "x" })).toMatchObject({ outcome: "fenced" });
  expect(await store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
  for (const k of [1, 2, 4])
    expect(await store.append(second, k, { tokens: [5], text: "y" })).toEqual({ outcome: "ordinal", last: 2 });
  expect(await store.append(second, 3, { tokens: [5], text: "far" })).toMatchObject({ outcome: "appended" });
  const third = await take(harness, { job_id: job.id, run: 1 }, "w3");
  expect(third).toMatchObject({
    emitted: { chunks: 3, tokens: [1, 2, 3, 4, 5], text: "so far" },
    firstTokenMs: second.firstTokenMs,
  });
  expect(await store.getJob(job)).toMatchObject({ attempts: 3, resumed_from: 5 });
});

test("an attempt that has emitted nothing is no more than begun again", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(await take(harness, { job_id: job.id, run: 1 }, "w2")).toMatchObject({ emitted: nothing, firstTokenMs: null });
  expect(await store.getJob(job)).toMatchObject({ attempts: 2, resumed_from: null });
});

test("hands on what was there when an attempt was handed back, however long it is", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  const chunks = Array.from({ length: 10_000 }, (_, k) => ({ tokens: [k, 128_000], text: `${k} 🦙 ` }));
  await Promise.all(chunks.map((chunk, index) => store.append(job.claim, index + 1, chunk)));
  await store.finish(job.claim, { status: "queued" });
  expect(await store.getJob(job)).toMatchObject({
    status: "queued",
    resumed_from: null,
    progress: { completion_tokens: 20_000 },
  });
  const { emitted } = await take(harness, { job_id: job.id, run: 2 });
  expect(emitted.chunks).toBe(10_000);
  expect(emitted.tokens).toEqual(chunks.flatMap(({ tokens }) => tokens));
  expect(emitted.text).toBe(chunks.map(({ text }) => text).join(""));
});

test("gives one carrier to one of two workers that claim it at once, then the other takes over", async () => {
  await openSlots(harness, 1);
  const job = await submit(harness);
  const claims = await Promise.all([
    take(harness, { job_id: job.id, run: 1 }, "w1"),
    take(harness, { job_id: job.id, run: 1 }, "w2"),
  ]);
  expect(claims.map((claim) => claim.fence)).toEqual([1, 2]);
});

test("attempts that were handed back use up nothing, however many", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await submit(harness);
  for (let run = 1; run <= 12; run++) {
    const claim = await take(harness, { job_id: job.id, run });
    expect(claim).toMatchObject({ attempt: run, counts: { lost: 0, crashes: 0, failures: 0 } });
    expect(await store.finish(claim, { status: "queued" })).toMatchObject({ outcome: "finished" });
  }
  expect(await store.getJob(job)).toMatchObject({ status: "queued", attempts: 12 });
});

test("a job that stores a token before it loses its worker is not worn out by it, however often", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  let { claim } = job;
  for (let k = 1; k <= 2 * LOST_LIMIT; k++) {
    await store.append(claim, k, { tokens: [k], text: "x" });
    claim = await take(harness, { job_id: job.id, run: 1 }, `w${k}`);
    expect(claim).toMatchObject({ attempt: k + 1, counts: { lost: 0 } });
  }
  // From here on it brings its workers down before it gets further.
  for (let lost = 1; lost < LOST_LIMIT; lost++)
    expect(await take(harness, { job_id: job.id, run: 1 })).toMatchObject({ counts: { lost } });
  expect(await store.claim({ job_id: job.id, run: 1 }, "w9")).toEqual(refused("exhausted"));
  expect(await store.getJob(job)).toMatchObject({
    status: "failed",
    error: { code: "worker_lost" },
    output: { text: "x".repeat(2 * LOST_LIMIT), finish_reason: "error" },
    progress: { completion_tokens: 2 * LOST_LIMIT },
  });
});

test("losses between which a token was stored do not add up, whoever notices them", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  const second = await take(harness, { job_id: job.id, run: 1 });
  expect(second.counts.lost).toBe(1);
  await store.finish(second, { status: "queued", countsAs: "lost" });
  const third = await take(harness, { job_id: job.id, run: 2 });
  expect(third.counts.lost).toBe(2);
  await store.append(third, 1, { tokens: [1], text: "x" });
  await store.finish(third, { status: "queued", countsAs: "lost" });
  expect((await take(harness, { job_id: job.id, run: 3 })).counts.lost).toBe(0);
});

test("counts by cause: what a hand-back says it counts as, and takeovers as lost", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  await store.finish(job.claim, { status: "queued", countsAs: "crashes" });
  await store.finish(await take(harness, { job_id: job.id, run: 2 }), { status: "queued", countsAs: "failures" });
  await store.finish(await take(harness, { job_id: job.id, run: 3 }), { status: "queued", countsAs: "crashes" });
  await take(harness, { job_id: job.id, run: 4 });
  expect(await take(harness, { job_id: job.id, run: 4 }, "w2")).toMatchObject({
    attempt: 5,
    counts: { lost: 1, crashes: 2, failures: 1 },
  });
});

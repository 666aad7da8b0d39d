import type { KeyLimits } from "@llamero/core";
import { expect, test } from "vitest";
import type { NewJob } from "../src/index.ts";
import { openSlots, sampleJob, take, useStore } from "./harness.ts";

const harness = useStore();
const rateKey = () => `${harness.store.keys.base}rate:k1`;

function accept(limits: KeyLimits, over: Partial<NewJob> = {}) {
  return harness.store.accept(sampleJob(harness, { key: { id: "k1", limits }, ...over }));
}

/** A job whose prompt is expected to have so many tokens, and which may make as many. */
const costing = (tokens: number): Partial<NewJob> => ({
  request: {
    ...{ v: 1, type: "completion", prompt: "x".repeat(tokens * 4) },
    params: { seed: 1, max_tokens: tokens },
  },
});

/** As if so many seconds had passed for a bucket. */
async function passed(name: "requests" | "tokens", seconds: number): Promise<void> {
  await harness.redis.hincrbyfloat(rateKey(), `${name}_at`, -seconds * 1_000);
}

/** Runs a fed job to its end. */
async function finish(job: { jobId: string; run: number }, tokens: { prompt: number; completion: number }): Promise<void> {
  const claim = await take(harness, { job_id: job.jobId, run: job.run });
  const { prompt: prompt_tokens, completion: completion_tokens } = tokens;
  const usage = { prompt_tokens, cached_tokens: 0, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  const result = { text: "", finish_reason: "stop", usage } as const;
  await harness.store.finish(claim, { status: "succeeded", result, completionTokens: completion_tokens });
}

test("a minute's worth of jobs may come at once, then one whenever there is room for it", async () => {
  const limits = { requests_per_minute: 5 };
  for (const left of [4, 3, 2, 1, 0]) {
    const result = await accept(limits);
    expect(result).toMatchObject({ outcome: "accepted", left: { tokens: null } });
    if (result.outcome === "accepted") expect(Math.floor(result.left.requests ?? -1)).toBe(left);
  }
  expect(await accept(limits)).toEqual({
    outcome: "limited",
    limit: "requests",
    retryAfterSeconds: 12,
    left: { requests: 0, tokens: null },
  });
  await passed("requests", 12);
  expect((await accept(limits)).outcome).toBe("accepted");
  expect((await accept(limits)).outcome).toBe("limited");
  await passed("requests", 3_600);
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => accept(limits)));
  expect(outcomes.filter(({ outcome }) => outcome === "accepted")).toHaveLength(5);
});

test("what is refused takes nothing from any limit", async () => {
  const limits = { requests_per_minute: 3, tokens_per_minute: 500 };
  expect((await accept(limits, costing(200))).outcome).toBe("accepted");
  for (let i = 0; i < 5; i++)
    expect(await accept(limits, costing(200))).toMatchObject({ outcome: "limited", limit: "tokens", retryAfterSeconds: 36 });
  expect(await accept(limits, costing(50))).toMatchObject({ outcome: "accepted", left: { requests: expect.closeTo(1, 0) } });
});

test("a job counts with what it is expected to cost, and with what it has cost once it has ended", async () => {
  const limits = { tokens_per_minute: 1_000 };
  const [first] = await openSlots(harness, 4);
  expect(first).toBeUndefined();
  const [a, b] = [await accept(limits, costing(200)), await accept(limits, costing(200))];
  expect(b).toMatchObject({ left: { tokens: expect.closeTo(200, -1) } });
  expect((await accept(limits, costing(200))).outcome).toBe("limited");
  if (a.outcome !== "accepted" || a.fed[0] === undefined) throw new Error("not fed");
  await finish(a.fed[0], { prompt: 150, completion: 10 });
  // It is expected to make ten tokens too.
  expect(await accept(limits, costing(200))).toMatchObject({ outcome: "accepted", left: { tokens: expect.closeTo(230, -1) } });
});

test("a job that is cancelled before it started takes no tokens in the end", async () => {
  const limits = { tokens_per_minute: 600 };
  const job = sampleJob(harness, { key: { id: "k1", limits }, ...costing(250) });
  await harness.store.accept(job);
  expect((await accept(limits, costing(100))).outcome).toBe("limited");
  await harness.store.cancel(job);
  expect((await accept(limits, costing(100))).outcome).toBe("accepted");
});

test("a job larger than a minute's worth is taken when nothing else was, and what follows waits for it", async () => {
  const limits = { tokens_per_minute: 100 };
  expect(await accept(limits, costing(100))).toMatchObject({ outcome: "accepted", left: { tokens: 0 } });
  expect(await accept(limits, costing(5))).toMatchObject({ outcome: "limited", retryAfterSeconds: 66 });
  await passed("tokens", 67);
  expect((await accept(limits, costing(5))).outcome).toBe("accepted");
});

test("jobs that wait or are scheduled are limited at a time, those that run are not counted", async () => {
  const { store } = harness;
  const limits = { max_waiting: 2 };
  expect((await accept(limits, { runAtMs: 4_000_000_000_000 })).outcome).toBe("accepted");
  const waiting = await accept(limits);
  expect(await accept(limits)).toMatchObject({ outcome: "limited", limit: "waiting", retryAfterSeconds: 60 });
  const [fed] = await openSlots(harness, 1);
  expect((await accept(limits)).outcome).toBe("limited");
  const claim = await take(harness, { job_id: fed?.jobId ?? "", run: fed?.run ?? 0 });
  expect((await accept(limits)).outcome).toBe("accepted");
  // One that is handed back waits again, whatever the limit.
  await store.finish(claim, { status: "queued" });
  expect((await accept(limits)).outcome).toBe("limited");
  expect(waiting.outcome).toBe("accepted");
});

test("limits are each key's own, and jobs without a key have none", async () => {
  const limits = { requests_per_minute: 1, max_waiting: 1 };
  expect((await accept(limits)).outcome).toBe("accepted");
  expect((await accept(limits, { key: { id: "k2", limits } })).outcome).toBe("accepted");
  expect((await accept(limits)).outcome).toBe("limited");
  for (let i = 0; i < 5; i++)
    expect(await accept(limits, { key: null })).toMatchObject({ outcome: "accepted", left: { requests: null, tokens: null } });
});

test("a call that is sent again counts once, also when the limit has been reached since", async () => {
  const limits = { requests_per_minute: 1 };
  const idempotency = { key: "k", bodyHash: "b" };
  const job = sampleJob(harness, { key: { id: "k1", limits }, idempotency });
  expect((await harness.store.accept(job)).outcome).toBe("accepted");
  expect(await harness.store.accept(job)).toEqual({ outcome: "duplicate", id: job.id });
  expect(await accept(limits, { idempotency })).toEqual({ outcome: "duplicate", id: job.id });
  const other = sampleJob(harness, { key: { id: "k1", limits } });
  expect((await harness.store.accept(other)).outcome).toBe("limited");
  await passed("requests", 60);
  expect((await harness.store.accept(other)).outcome).toBe("accepted");
});

test("nothing is kept of a key that has had nothing for a while", async () => {
  await accept({ requests_per_minute: 60, tokens_per_minute: 60_000 }, costing(10));
  const left = await harness.redis.pttl(rateKey());
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(1_000);
});

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { eventsOf, openSlots, redisNow, sampleJob, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

test("commits the record, its indexes and its place in the backlog", async () => {
  const { store } = harness;
  const job = sampleJob(harness, { owner: "alice" });
  const accepted = await store.accept(job);
  expect(accepted).toMatchObject({ outcome: "accepted", fed: [] });
  const stored = await store.getJob({ id: job.id, owner: "alice" });
  expect(stored).toMatchObject({ id: job.id, model: "tiny", type: "chat", status: "queued", position: 1, attempts: 0 });
  expect(stored).toMatchObject({ output: null, error: null, run_at: null, deadline_at: null, retry_of: null, metadata: {} });
  const page = await store.listJobs({ owner: "alice", status: "queued", metadata: {}, limit: 10, order: "desc" });
  expect(page.jobs.map((entry) => entry.id)).toEqual([job.id]);
});

test("says nothing to the outbox: the caller knows that it has submitted", async () => {
  const job = await submit(harness);
  expect(await eventsOf(harness, job.id)).toEqual([]);
});

test("feeds the job at once when the window has room", async () => {
  await openSlots(harness, 1);
  const job = await submit(harness);
  expect(job.fed).toEqual([{ jobId: job.id, run: 1, slug: "tiny", priority: "normal" }]);
});

test("feeds the job that has waited longest, which need not be the one that came", async () => {
  const { redis, store } = harness;
  const first = await submit(harness);
  await redis.set(`${store.keys.base}cap:tiny`, 1);
  const second = await submit(harness);
  expect(second.fed.map((entry) => entry.jobId)).toEqual([first.id]);
  await openSlots(harness, 1);
});

test("keeps request, metadata, deadline and what the job repeats", async () => {
  const { redis, store } = harness;
  const metadata = JSON.parse('{"team":"a","__proto__":"kept","constructor":"kept too"}') as Record<string, string>;
  const retryOf = sampleJob(harness).id;
  const request = { v: 1, type: "completion", prompt: 'naïve 🦙 "quoted" \u0000', params: { seed: 7 } } as const;
  const before = await redisNow(redis);
  const job = await submit(harness, { request, metadata, deadlineMs: 60_000, retryOf });
  const record = await store.getRecord(job);
  expect(record?.request).toEqual(request);
  expect(Object.entries(record?.metadata ?? {})).toEqual(Object.entries(metadata));
  const view = await store.getJob(job);
  expect(view).toMatchObject({ type: "completion", params: { seed: 7 }, retry_of: retryOf });
  expect(Date.parse(view?.deadline_at ?? "")).toBeGreaterThanOrEqual(before + 60_000);
});

test("takes an embedding, which has no params", async () => {
  const job = await submit(harness, { request: { v: 1, type: "embedding", input: ["a", "b"] } });
  expect(await harness.store.getJob(job)).toMatchObject({ type: "embedding", params: null, output: null });
});

test("schedules a job for later and queues one whose time has passed", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  const now = await redisNow(redis);
  const later = await submit(harness, { runAtMs: now + 60_000 });
  const past = await submit(harness, { runAtMs: now - 1 });
  expect(later.fed).toEqual([]);
  expect(await store.getJob(later)).toMatchObject({
    status: "scheduled",
    position: null,
    run_at: new Date(now + 60_000).toISOString(),
  });
  expect(past.fed).toHaveLength(1);
  expect(await store.getJob(past)).toMatchObject({ status: "queued" });
});

test("schedules by its own clock what is to wait for a while, and refuses what would be over before it may run", async () => {
  const { redis, store } = harness;
  const before = await redisNow(redis);
  const job = sampleJob(harness, { delayMs: 60_000, deadlineMs: 60_001 });
  const accepted = await store.accept(job, "tiny");
  const view = await store.getJob(job);
  expect(accepted).toMatchObject({ outcome: "accepted", job: { ...view, position: null } });
  expect(view?.status).toBe("scheduled");
  expect(Date.parse(view?.run_at ?? "") - Date.parse(view?.created_at ?? "")).toBe(60_000);
  const unfit = [
    { delayMs: 60_000, deadlineMs: 60_000 },
    { runAtMs: before + 600_000, deadlineMs: 60_000 },
  ];
  for (const times of unfit) {
    const refused = sampleJob(harness, times);
    expect(await store.accept(refused)).toEqual({ outcome: "unfit" });
    expect(await store.getJob(refused)).toBeNull();
  }
});

test("takes jobs for a model that nobody serves", async () => {
  const job = await submit(harness, { slug: "unheard-of" });
  expect(await harness.store.getJob(job)).toMatchObject({ status: "queued", model: "unheard-of", position: 1 });
});

test.each([
  ["now", null],
  ["later", 4_000_000_000_000],
  ["since long", 1],
])("answers with the job as a reader sees it: to run %s", async (_when, runAtMs) => {
  const { store } = harness;
  const job = sampleJob(harness, {
    runAtMs,
    deadlineMs: 4_000_000_000_000,
    metadata: { team: "a" },
    retryOf: sampleJob(harness).id,
  });
  const accepted = await store.accept(job, "tiny");
  expect(accepted).toMatchObject({ job: { ...(await store.getJob(job)), position: null } });
});

describe("with an idempotency key", () => {
  test("answers the first job again for the same body", async () => {
    const idempotency = { key: digest("k"), bodyHash: digest("b") };
    const first = await submit(harness, { idempotency });
    const again = await harness.store.accept(sampleJob(harness, { idempotency }));
    expect(again).toEqual({ outcome: "duplicate", id: first.id });
    expect(await harness.redis.zcard(harness.store.keys.index("local", "tiny", "queued"))).toBe(1);
  });

  test("refuses another body", async () => {
    const first = await submit(harness, { idempotency: { key: "k", bodyHash: "b" } });
    const other = await harness.store.accept(sampleJob(harness, { idempotency: { key: "k", bodyHash: "c" } }));
    expect(other).toEqual({ outcome: "conflict", id: first.id });
  });

  test("keeps the keys of two owners apart", async () => {
    const idempotency = { key: "k", bodyHash: "b" };
    await submit(harness, { owner: "alice", idempotency });
    const other = await harness.store.accept(sampleJob(harness, { owner: "bob", idempotency }));
    expect(other.outcome).toBe("accepted");
  });

  test("makes one job of many requests at the same moment", async () => {
    const idempotency = { key: "k", bodyHash: "b" };
    const results = await Promise.all(
      Array.from({ length: 20 }, () => harness.store.accept(sampleJob(harness, { idempotency }))),
    );
    expect(results.filter((result) => result.outcome === "accepted")).toHaveLength(1);
    expect(results.filter((result) => result.outcome === "duplicate")).toHaveLength(19);
  });

  test("frees the key together with its job", async () => {
    const idempotency = { key: "k", bodyHash: "b" };
    const first = await submit(harness, { idempotency });
    await harness.store.cancel(first);
    await harness.store.remove(first);
    expect((await harness.store.accept(sampleJob(harness, { idempotency }))).outcome).toBe("accepted");
  });
});

test("takes a job that is sent twice once, wherever it has got to meanwhile", async () => {
  const { store } = harness;
  await openSlots(harness, 1);
  const job = await start(harness);
  expect(await store.accept(job)).toEqual({ outcome: "duplicate", id: job.id });
  expect(await store.getJob(job)).toMatchObject({ status: "running" });
  await store.cancel(job, true);
  expect(await store.accept(job)).toEqual({ outcome: "duplicate", id: job.id });
  expect(await store.getJob(job)).toMatchObject({ status: "cancelled" });
});

test("stores nothing at all when Redis is full", async () => {
  const { redis, store } = harness;
  const keysBefore = await redis.dbsize();
  await redis.config("SET", "maxmemory", "1mb");
  try {
    const job = sampleJob(harness, { idempotency: { key: "k", bodyHash: "b" }, deadlineMs: 1000, metadata: { a: "b" } });
    await expect(store.accept(job)).rejects.toMatchObject({ code: "redis_memory_full", retryable: true });
    expect(await redis.dbsize()).toBe(keysBefore);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
});

test("keeps the record compact with every field at its longest", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1, "w".repeat(30), { slug: "m".repeat(57) });
  const owner = "o".repeat(64);
  const idempotency = { key: digest("k"), bodyHash: digest("b") };
  const job = await submit(harness, {
    owner,
    slug: "m".repeat(57),
    idempotency,
    deadlineMs: 60_000,
    runAtMs: 1,
    retryOf: sampleJob(harness).id,
  });
  await store.claim({ job_id: job.id, run: 1 }, "w".repeat(30));
  await store.cancel(job);
  await store.cancel(job, true);
  expect(await redis.object("ENCODING", store.keys.job(job.id))).toBe("listpack");
});

import type { ModelEntry } from "@llamero/core";
import { tinyEntry } from "@llamero/testkit";
import { beforeEach, expect, test } from "vitest";
import type { Ending, JobRoute, NewJob } from "../src/index.ts";
import { clockPast, done, openSlots, redisNow, start, submit, take, until, useStore } from "./harness.ts";

const harness = useStore();
const entries = ["tiny", "second", "third"].map(
  (name): Omit<ModelEntry, "v" | "slug"> => ({ ...tinyEntry, name, is_default: name === "tiny" }),
);

beforeEach(async () => {
  for (const entry of entries) await harness.store.announceModel(entry);
});

const route = (fallback: string[], over: Partial<JobRoute> = {}): JobRoute => ({
  ...{ alias: "chat", fallback, timeoutMs: null, isDegraded: false },
  ...over,
});
const failed: Ending = { status: "failed", error: { code: "engine_failed", message: "no" } };
const unavailable: Ending = { status: "queued", fault: { code: "backend_unavailable", waitMs: null } };
const sweep = () => harness.store.sweep({ retentionMs: 3_600_000, limit: 100 });
const breakerOf = async (queue: string) => (await harness.store.breakers()).get(queue);

/** A worker that has all three models. */
const openAll = (slots = 4) =>
  harness.store.beat({ workerId: "w1", host: "test", pid: 1, slots: entries.map(({ name }) => ({ slug: name, slots })) });

/** Takes jobs of a model until its breaker is open. */
async function openBreaker(slots = 8, slug = "tiny"): Promise<void> {
  await openAll(slots);
  for (let failures = 0; (await breakerOf(slug)) === undefined; failures++) {
    expect(failures).toBeLessThan(10);
    const job = await start(harness, { slug });
    await harness.store.finish(job.claim, unavailable);
    await harness.store.cancel(job);
  }
}

test("a job whose model fails goes on to the next, where it begins anew", async () => {
  await openAll();
  const job = await start(harness, { route: route(["second", "third"]) });
  await harness.store.append(job.claim, 1, { tokens: [1, 2], text: "half of" });
  const finished = await harness.store.finish(job.claim, failed);
  expect(finished).toMatchObject({ outcome: "finished", fed: [{ jobId: job.id, slug: "second" }] });
  const tried = [{ model: "tiny", code: "engine_failed" }];
  expect(await harness.store.getJob(job)).toMatchObject({
    ...{ status: "queued", model: "second", error: null, progress: { completion_tokens: 0 } },
    routing: { alias: "chat", degraded: false, tried },
  });
  const claim = await take(harness, { job_id: job.id, run: 2 });
  expect(claim).toMatchObject({ slug: "second", attempt: 2, emitted: { chunks: 0, tokens: [], text: "" } });
  await harness.store.finish(claim, done);
  expect(await harness.store.getJob(job)).toMatchObject({
    status: "succeeded",
    model: "second",
    attempts: 2,
    routing: { tried },
  });
});

test("who had it can write no more, and its carrier is stale", async () => {
  await openAll();
  const job = await start(harness, { route: route(["second"]) });
  await harness.store.finish(job.claim, failed);
  expect(await harness.store.append(job.claim, 1, { tokens: [1], text: "late" })).toMatchObject({ outcome: "fenced" });
  expect(await harness.store.finish(job.claim, done)).toMatchObject({ outcome: "fenced" });
  expect(await harness.store.claim({ job_id: job.id, run: job.run }, "w1")).toMatchObject({ outcome: "stale" });
});

test("when the last has failed, so has the job, with the last error", async () => {
  await openAll();
  const job = await start(harness, { route: route(["second"]) });
  await harness.store.finish(job.claim, failed);
  const claim = await take(harness, { job_id: job.id, run: 2 });
  await harness.store.finish(claim, { status: "failed", error: { code: "backend_refused", message: "never" } });
  expect(await harness.store.getJob(job)).toMatchObject({
    ...{ status: "failed", model: "second", error: { code: "backend_refused", message: "never" } },
    routing: { tried: [{ model: "tiny", code: "engine_failed" }] },
  });
});

test("one that was asked to stop goes nowhere", async () => {
  await openAll();
  const job = await start(harness, { route: route(["second"]) });
  await harness.store.cancel(job);
  await harness.store.finish(job.claim, failed);
  expect(await harness.store.getJob(job)).toMatchObject({ status: "failed", model: "tiny" });
});

test("who follows is told to forget what the first model has said", async () => {
  await openAll();
  const job = await start(harness, { route: route(["second"]) });
  await harness.store.append(job.claim, 1, { tokens: [1], text: "one" });
  await harness.store.finish(job.claim, failed);
  const claim = await take(harness, { job_id: job.id, run: 2 });
  for (const k of [1, 2]) await harness.store.append(claim, k, { tokens: [k], text: `new ${k} ` });
  const seenBefore = await harness.store.readEvents(job, { chunks: 1, attempt: 1 });
  expect(seenBefore).toMatchObject({
    anewBehind: 1,
    chunks: 2,
    news: [
      { k: 1, text: "new 1 " },
      { k: 2, text: "new 2 " },
    ],
  });
  const seenSince = await harness.store.readEvents(job, { chunks: 1, attempt: 2 });
  expect(seenSince?.news.map(({ k }) => k)).toEqual([2]);
});

test("an attempt that begins anew keeps its model", async () => {
  await openAll();
  const job = await start(harness);
  await harness.store.append(job.claim, 1, { tokens: [1], text: "one" });
  await harness.store.finish(job.claim, { status: "queued", countsAs: "backend", startsAnew: true });
  const claim = await take(harness, { job_id: job.id, run: 2 });
  expect(claim).toMatchObject({ slug: "tiny", counts: { backend: 1 }, emitted: { chunks: 0, text: "" } });
});

test("a model may have a job for so long, waiting or running", async () => {
  await openSlots(harness, 1, "w2", { slug: "second" });
  const waiting = await submit(harness, { route: route(["second", "third"], { timeoutMs: 1 }) });
  await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
  expect((await sweep()).fed).toMatchObject([{ jobId: waiting.id, slug: "second" }]);
  const claim = await take(harness, { job_id: waiting.id, run: 1 });
  await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
  await sweep();
  expect(await harness.store.getJob(waiting)).toMatchObject({
    ...{ status: "queued", model: "third" },
    routing: {
      tried: [
        { model: "tiny", code: "timeout" },
        { model: "second", code: "timeout" },
      ],
    },
  });
  expect(await harness.store.finish(claim, done)).toMatchObject({ outcome: "fenced" });
  // The last one has no limit.
  await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
  await sweep();
  expect(await harness.store.getJob(waiting)).toMatchObject({ model: "third" });
});

test("a breaker opens when enough of what ends has failed, and not before", async () => {
  await openAll(16);
  const end = async (ending: Ending) => {
    const job = await start(harness);
    await harness.store.finish(job.claim, ending);
    await harness.store.cancel(job);
  };
  await end(unavailable);
  for (let i = 0; i < 6; i++) await end(done);
  for (let i = 0; i < 4; i++) await end(unavailable);
  expect(await breakerOf("tiny")).toBeUndefined();
  await end(unavailable);
  expect(await breakerOf("tiny")).toMatchObject({ state: "open", code: "backend_unavailable" });
});

test("an open breaker shuts the window: what was fed waits again where it stood, and nothing is fed", async () => {
  await openBreaker(8);
  const { store } = harness;
  const waiting = [await submit(harness), await submit(harness)];
  expect(waiting.map(({ fed }) => fed)).toEqual([[], []]);
  expect(await openAll()).toEqual([]);
  expect(await Promise.all(waiting.map(async (job) => (await store.getJob(job))?.position))).toEqual([1, 2]);
});

test("what was fed before it opened comes back in its order", async () => {
  await openAll(8);
  const jobs = [];
  // Jobs of one millisecond may come back in any order.
  for (let i = 0; i < 8; i++) {
    jobs.push(await submit(harness));
    await clockPast(harness.redis, await redisNow(harness.redis));
  }
  const claims = await Promise.all(jobs.slice(0, 5).map((job) => take(harness, { job_id: job.id, run: 1 })));
  for (const claim of claims) await harness.store.finish(claim, unavailable);
  expect(await breakerOf("tiny")).toMatchObject({ state: "open" });
  const positions = await Promise.all(jobs.map(async (job) => (await harness.store.getJob(job))?.position));
  expect(positions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await harness.store.claim({ job_id: jobs[6]?.id ?? "", run: 1 }, "w1")).toMatchObject({ outcome: "stale" });
});

/** Waits until the breaker lets one job try. */
async function halfOpen(): Promise<string[]> {
  const fed = await until(
    async () => (await sweep()).fed,
    (entries) => entries.length > 0,
    20_000,
  );
  return fed.map(({ jobId }) => jobId);
}

test("behind its time one job tries: where it succeeds, all go on; where it fails, the time is doubled", async () => {
  const change = { by: "test", nowMs: await harness.store.now() };
  await harness.store.settings.change({ breaker: { failures: 2, open_seconds: 0.1, most_open_seconds: 0.2 } }, change);
  await openBreaker();
  const jobs: NewJob[] = [];
  for (let i = 0; i < 3; i++) jobs.push(await submit(harness));
  expect(await halfOpen()).toEqual([jobs[0]?.id]);
  expect(await breakerOf("tiny")).toMatchObject({ state: "half", untilMs: null });
  const openedAt = await redisNow(harness.redis);
  await harness.store.finish(await take(harness, { job_id: jobs[0]?.id ?? "", run: 1 }), unavailable);
  const again = await breakerOf("tiny");
  expect(again?.state).toBe("open");
  expect((again?.untilMs ?? 0) - openedAt).toBeGreaterThanOrEqual(200);
  expect(await halfOpen()).toEqual([jobs[0]?.id]);
  const finished = await harness.store.finish(await take(harness, { job_id: jobs[0]?.id ?? "", run: 2 }), done);
  expect(finished).toMatchObject({ fed: [{ jobId: jobs[1]?.id }, { jobId: jobs[2]?.id }] });
  expect(await breakerOf("tiny")).toBeUndefined();
});

test("a server that asks to be left alone is, for as long as it says", async () => {
  await openAll();
  const job = await start(harness);
  const now = await redisNow(harness.redis);
  await harness.store.finish(job.claim, { status: "queued", fault: { code: "backend_unavailable", waitMs: 30_000 } });
  const { state, untilMs } = (await breakerOf("tiny")) ?? {};
  expect(state).toBe("open");
  expect((untilMs ?? 0) - now).toBeGreaterThanOrEqual(30_000);
  expect((untilMs ?? 0) - now).toBeLessThan(35_000);
});

test("what waits behind an open breaker goes on where it can; the rest waits", async () => {
  await openBreaker();
  const [chained, plain] = [await submit(harness, { route: route(["second"]) }), await submit(harness)];
  expect((await sweep()).fed).toMatchObject([{ jobId: chained.id, slug: "second" }]);
  expect(await harness.store.getJob(chained)).toMatchObject({
    model: "second",
    routing: { tried: [{ model: "tiny", code: "breaker_open" }] },
  });
  expect(await harness.store.getJob(plain)).toMatchObject({ model: "tiny", status: "queued" });
});

test("passes over the next where its breaker is open, too", async () => {
  await openBreaker();
  await openBreaker(8, "second");
  const job = await submit(harness, { route: route(["second", "third"]) });
  expect((await sweep()).fed).toMatchObject([{ jobId: job.id, slug: "third" }]);
});

test("a server that has asked for time is not punished for it: the next failure shuts it as long as a first one", async () => {
  await harness.store.settings.change({ breaker: { open_seconds: 0.2 } }, { by: "test", nowMs: await harness.store.now() });
  await openAll();
  const job = await start(harness);
  const asked = { status: "queued", fault: { code: "backend_unavailable", waitMs: 1 } } as const;
  await harness.store.finish(job.claim, asked);
  expect(await halfOpen()).toEqual([job.id]);
  const openedAt = await redisNow(harness.redis);
  await harness.store.finish(await take(harness, { job_id: job.id, run: 2 }), unavailable);
  expect(((await breakerOf("tiny"))?.untilMs ?? 0) - openedAt).toBeLessThan(400);
});

test("health tells routing of open breakers, sends one job a reading to a half-open one, and knows what a job would wait", async () => {
  const { store } = harness;
  const aliases = { chat: { targets: [{ model: "tiny" }], fallback: ["second"] } };
  const health = async () => store.modelsHealth(await store.catalogue(), aliases);
  await store.settings.change({ breaker: { open_seconds: 0.1 } }, { by: "test", nowMs: await store.now() });
  await openBreaker();
  expect((await health())?.isOpen("tiny")).toBe(true);
  expect((await health())?.isOpen("second")).toBe(false);
  const state = async () => {
    await sweep();
    return (await breakerOf("tiny"))?.state;
  };
  await until(state, (now) => now === "half");
  const half = await health();
  expect([half?.isOpen("tiny"), half?.isOpen("tiny")]).toEqual([false, true]);
  expect(half?.waitSeconds("second")).toBe(0);
});

test("health is not read where no alias goes by it", async () => {
  const plain = { chat: { targets: [{ model: "tiny" }, { model: "second" }] } };
  expect(await harness.store.modelsHealth(await harness.store.catalogue(), plain)).toBeUndefined();
});

test("an owner has no jobs any more for a model that he has left", async () => {
  await openAll();
  const job = await start(harness, { owner: "alice", route: route(["second"]) });
  await harness.store.finish(job.claim, failed);
  expect(await harness.redis.smembers(harness.store.keys.byOwner("alice"))).toEqual(["second"]);
});

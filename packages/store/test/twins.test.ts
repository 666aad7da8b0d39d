import { describe, expect, it } from "vitest";
import { createStore, type NewJob } from "../src/index.ts";
import { clockPast, eventsOf, openSlots, redisNow, type StartedJob, sampleJob, start, submit } from "./harness.ts";
import { asking, failed, result, reuse, succeeded, timings, usage, useReuse } from "./reuse-harness.ts";

const { harness, read, statusOf, end, endFed, counts, set, submitMany, expire } = useReuse();

describe("jobs under way that ask for the same", () => {
  it("are computed once: all end with the first", async () => {
    await openSlots(harness, 4);
    const leader = await start(harness, { reuse });
    const twins = [await submit(harness, { reuse }), await submit(harness, { reuse })];
    expect(twins.flatMap(({ fed }) => fed)).toEqual([]);
    expect(await read(twins[0] as NewJob)).toMatchObject({ status: "queued", cached: false, position: null });
    await end(leader);
    expect(await read(leader)).toMatchObject({ status: "succeeded", cached: false, usage, timings });
    for (const twin of twins) {
      expect(await read(twin)).toMatchObject({ status: "succeeded", cached: true, attempts: 0, output: { text: result.text } });
      expect(await eventsOf(harness, twin.id)).toEqual(["job.succeeded"]);
      expect((await harness.store.readEvents(twin, { chunks: 0, attempt: 0 }))?.news).toEqual([
        { k: 1, text: result.text, tokens: 3 },
      ]);
    }
    expect(await counts()).toMatchObject({ hits: 0, coalesced: 2, misses: 1 });
  });

  it("also by another file of the model's name, which each of them could have met", async () => {
    await openSlots(harness, 4);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse });
    await end(leader, { ...succeeded, ran: "another" });
    expect(await statusOf(twin)).toBe("succeeded");
  });

  it("take no room where too many wait", async () => {
    const store = createStore({
      redis: harness.redis,
      prefix: "test",
      limits: () => ({ maxWaiting: 1, maxWaitingTokens: null }),
    });
    expect((await store.accept(sampleJob(harness, { reuse }))).outcome).toBe("accepted");
    expect((await store.accept(sampleJob(harness, { reuse }))).outcome).toBe("accepted");
    expect((await store.accept(sampleJob(harness, { reuse: asking("r2") }))).outcome).toBe("full");
  });

  it("give back the tokens that they were expected to cost", async () => {
    await openSlots(harness, 4);
    const key = { id: "k1", limits: { tokens_per_minute: 100_000 } };
    const leader = await start(harness, { reuse, key });
    await submit(harness, { reuse, key });
    await end(leader);
    const level = Number(await harness.redis.hget(`${harness.store.keys.base}rate:k1`, "tokens"));
    expect(100_000 - level).toBeLessThan(20);
  });

  it("by more than one call where they are many", async () => {
    await openSlots(harness, 4);
    const leader = await start(harness, { reuse });
    const twins = await submitMany(250);
    await end(leader);
    const ended = async () => (await Promise.all(twins.map(statusOf))).filter((status) => status === "succeeded").length;
    expect(await ended()).toBe(100);
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 120 })).toMatchObject({ ended: 120 });
    // Who comes in between does not wait for them.
    expect(await statusOf(await submit(harness, { reuse }))).toBe("succeeded");
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 120 })).toMatchObject({ ended: 30 });
    expect(await ended()).toBe(250);
  });

  it("by another of them, where the answer was not kept and they are many", async () => {
    await openSlots(harness, 4);
    await set({ max_bytes: 0 });
    const leader = await start(harness, { reuse });
    const twins = await submitMany(102);
    await end(leader);
    const { ended, fed } = await harness.store.sweep({ retentionMs: 60_000, limit: 100 });
    expect([ended, fed.length]).toEqual([1, 1]);
    const [{ jobId, run } = { jobId: "", run: 0 }] = fed;
    await endFed(twins.find(({ id }) => id === jobId) as NewJob, run);
    expect(new Set(await Promise.all(twins.map(statusOf)))).toEqual(new Set(["succeeded"]));
  });

  it.each<[string, Partial<NewJob>]>([
    ["are of another class", { priority: "high" }],
    ["come with another key, which has limits of its own", { key: { id: "k2", limits: {} } }],
  ])("are computed apart where they %s, and those that come after have the first answer", async (_how, over) => {
    await openSlots(harness, 4);
    const first = await start(harness, { reuse });
    const other = await start(harness, { reuse, ...over });
    const twin = await submit(harness, { reuse, ...over });
    await end(first);
    expect(await statusOf(twin)).toBe("queued");
    expect(await statusOf(await submit(harness, { reuse, ...over }))).toBe("succeeded");
    await end(other);
    expect(await statusOf(twin)).toBe("succeeded");
  });

  it("do not follow one that has been asked to stop", async () => {
    await openSlots(harness, 4);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse });
    await harness.store.cancel(leader);
    const next = await start(harness, { reuse });
    await end(leader, { ...succeeded, status: "cancelled" });
    expect(await statusOf(twin)).toBe("queued");
    await end(next);
    expect(await statusOf(twin)).toBe("succeeded");
  });

  it("are the ones that wait for it in one batch of a thousand, however they come", async () => {
    await openSlots(harness, 2);
    const accepted = await submitMany(1_000);
    expect(accepted.flatMap(({ fed }) => fed)).toHaveLength(1);
    await endFed(accepted.find(({ fed }) => fed.length === 1) as NewJob);
    for (let left = 899; left > 0; left -= 200)
      expect(await harness.store.sweep({ retentionMs: 60_000, limit: 200 })).toMatchObject({
        ended: Math.min(200, left),
        fed: [],
      });
    expect(new Set(await Promise.all(accepted.map(statusOf)))).toEqual(new Set(["succeeded"]));
    expect(await counts()).toMatchObject({ coalesced: 999, misses: 1 });
  });
});

describe("when the one that is computed for others ends without an answer", () => {
  /** Each ends a running leader. */
  const ends: Record<string, (leader: StartedJob) => Promise<unknown>> = {
    "it fails": (leader) => end(leader, failed),
    "it is cancelled by its worker": (leader) => end(leader, { ...succeeded, status: "cancelled" }),
    "it is cancelled over its worker's head": (leader) => harness.store.cancel(leader, true),
    "its deadline passes": (leader) => end(leader, { ...succeeded, status: "expired" }),
    "it is asked to stop, and its worker hands it back": async (leader) => {
      await harness.store.cancel(leader);
      await end(leader, { status: "queued" });
    },
    "it loses its worker too often": async ({ id }) => {
      await harness.redis.hset(harness.store.keys.job(id), "lost", 10);
      expect(await harness.store.claim({ job_id: id, run: 1 }, "w2")).toMatchObject({ outcome: "exhausted" });
    },
  };

  it.each(Object.keys(ends))("because %s, the next takes its place and the others wait for that one", async (how) => {
    await openSlots(harness, 1);
    const leader = await start(harness, { reuse });
    const [next, last] = [await submit(harness, { reuse }), await submit(harness, { reuse })];
    await ends[how]?.(leader);
    const { window } = harness.store.keys;
    expect(await harness.redis.zrange(window("tiny"), 0, "-1")).toEqual([next.id]);
    await endFed(next);
    expect(await read(next)).toMatchObject({ status: "succeeded", cached: false });
    expect(await read(last)).toMatchObject({ status: "succeeded", cached: true });
  });

  it.each<[string, (leader: NewJob) => Promise<unknown>]>([
    ["is cancelled", (leader) => harness.store.cancel(leader)],
    ["is superseded", () => submit(harness, { supersedeKey: "draft" })],
    ["expires", expire],
  ])("before it has run, since it %s, the next stands where it would have stood by itself", async (_how, stop) => {
    await openSlots(harness, 0);
    const leader = await submit(harness, { reuse, supersedeKey: "draft", deadlineMs: 60_000 });
    const next = await submit(harness, { reuse });
    const stranger = await submit(harness);
    await stop(leader);
    const line = await harness.redis.zrange(harness.store.keys.backlog("tiny", "normal", "local", null), 0, "-1");
    expect(line.slice(0, 2)).toEqual([next.id, stranger.id]);
  });

  it("and was put back in between, it leads still", async () => {
    await openSlots(harness, 1);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse });
    const fed = await end(leader, { status: "queued", countsAs: "failures" });
    expect(fed.map(({ jobId }) => jobId)).toEqual([leader.id]);
    await endFed(leader, 2);
    expect(await statusOf(twin)).toBe("succeeded");
  });
});

describe("a twin that waits", () => {
  it.each<[string, string, (twin: NewJob) => Promise<unknown>]>([
    ["is cancelled", "cancelled", (twin) => harness.store.cancel(twin)],
    ["is superseded", "cancelled", () => submit(harness, { supersedeKey: "draft" })],
    ["expires", "expired", expire],
  ])("%s, and is nobody's twin then", async (_how, status, stop) => {
    await openSlots(harness, 1);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse, supersedeKey: "draft", deadlineMs: 60_000 });
    await stop(twin);
    expect(await read(twin)).toMatchObject({ status, cached: false });
    await end(leader);
    expect(await statusOf(twin)).toBe(status);
  });

  it("is found by the sweep where its leader is gone, whatever has happened", async () => {
    await openSlots(harness, 1);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse });
    const { redis, store } = harness;
    await redis.del(`${store.keys.base}leader:${reuse.key}:normal:-`);
    await redis.zadd(`${store.keys.base}twin_groups`, 1, `${reuse.key}:normal:-`);
    await store.sweep({ retentionMs: 60_000, limit: 10 });
    expect(await redis.zrange(store.keys.window("tiny"), 0, "-1")).toContain(twin.id);
    await end(leader);
  });
});

describe("a leader that goes on to another model", () => {
  const route = { alias: "chat", fallback: ["other"], timeoutMs: null, isDegraded: false };

  it("leaves its twins to the next of them, and its answer is for nobody else", async () => {
    await openSlots(harness, 4);
    await openSlots(harness, 4, "w2", { slug: "other" });
    const leader = await start(harness, { reuse, route });
    const twins = [await submit(harness, { reuse }), await submit(harness, { reuse })];
    const finished = await harness.store.finish(leader.claim, failed);
    expect(finished.outcome === "finished" && finished.fed.map(({ jobId, slug }) => `${slug} ${jobId}`).sort()).toEqual([
      `other ${leader.id}`,
      `tiny ${twins[0]?.id}`,
    ]);
    const moved = await harness.store.claim({ job_id: leader.id, run: 2 }, "w2");
    expect(moved).toMatchObject({ outcome: "claimed", claim: { slug: "other", reuseKey: null } });
    if (moved.outcome === "claimed") await harness.store.finish(moved.claim, succeeded);
    expect(await Promise.all(twins.map((twin) => statusOf(twin)))).toEqual(["queued", "queued"]);
  });

  it("so does a twin that has waited for too long", async () => {
    await openSlots(harness, 4);
    const leader = await start(harness, { reuse });
    const twin = await submit(harness, { reuse, route: { ...route, timeoutMs: 1 } });
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
    await harness.store.sweep({ retentionMs: 3_600_000, limit: 100 });
    expect(await read(twin)).toMatchObject({ model: "other", status: "queued", routing: { tried: [{ code: "timeout" }] } });
    await end(leader);
    expect(await statusOf(twin)).toBe("queued");
  });
});

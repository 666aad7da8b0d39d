import { describe, expect, it } from "vitest";
import { clockPast, eventsOf, openSlots, redisNow, sampleJob, start, submit } from "./harness.ts";
import { asking, failed, result, reuse, succeeded, usage, useReuse } from "./reuse-harness.ts";

const { harness, read, statusOf, end, answer, counts, set } = useReuse();

describe("a job that asks for what was answered", () => {
  it("has the answer at once, as it was computed, and no worker gets it", async () => {
    await openSlots(harness, 1);
    await answer();
    const hit = await harness.store.accept(sampleJob(harness, { reuse, metadata: { a: "b" }, deadlineMs: 60_000 }));
    if (hit.outcome !== "accepted") throw new Error(hit.outcome);
    expect(hit.fed).toEqual([]);
    expect(hit.job).toMatchObject({
      ...{ status: "succeeded", cached: true, attempts: 0, started_at: null, metadata: { a: "b" }, timings: null },
      usage: { ...usage, cached_tokens: usage.prompt_tokens },
      output: { text: result.text, finish_reason: "stop" },
      progress: { completion_tokens: 3 },
    });
    expect(await harness.store.getJob({ id: hit.job.id, owner: "local" })).toEqual(hit.job);
    expect(await eventsOf(harness, hit.job.id)).toEqual(["job.succeeded"]);
    expect(await counts()).toMatchObject({ hits: 1, coalesced: 0, misses: 1, hit_rate: 0.5, entries: 1 });
  });

  it("tells its text to those who follow it", async () => {
    await openSlots(harness, 1);
    await answer();
    const { id } = await submit(harness, { reuse });
    const page = await harness.store.readEvents({ id, owner: "local" }, { chunks: 0, attempt: 0 });
    expect(page).toMatchObject({ status: "succeeded", attempt: 0, chunks: 1, news: [{ k: 1, text: result.text, tokens: 3 }] });
  });

  it("has it also where its text is none that can be told before the end: half of a pair of surrogates", async () => {
    await openSlots(harness, 1);
    const job = await start(harness, { reuse });
    await end(job, { ...succeeded, result: { ...result, text: "\ud83e" } });
    const hit = await submit(harness, { reuse });
    expect(await read(hit)).toMatchObject({ status: "succeeded", cached: true, output: { text: "\ud83e" } });
    expect(await harness.store.readEvents(hit, { chunks: 0, attempt: 0 })).toMatchObject({ chunks: 0, news: [] });
  });

  it("is kept and removed as any other, and the answer stays when the job that computed it goes", async () => {
    await openSlots(harness, 1);
    const first = await answer();
    expect(await harness.store.remove(first)).toEqual({ outcome: "removed" });
    const second = await submit(harness, { reuse, idempotency: { key: "k", bodyHash: "h" } });
    expect(await statusOf(second)).toBe("succeeded");
    expect(await harness.store.accept(sampleJob(harness, { reuse, idempotency: { key: "k", bodyHash: "h" } }))).toEqual({
      outcome: "duplicate",
      id: second.id,
    });
    await clockPast(harness.redis, await redisNow(harness.redis));
    expect((await harness.store.sweep({ retentionMs: 0, limit: 10 })).retired).toBe(1);
  });

  it("is not held up by what waits, nor by its key's tokens or waiting jobs, and counts as a request", async () => {
    await openSlots(harness, 1);
    await answer();
    const key = { id: "k1", limits: { requests_per_minute: 2, tokens_per_minute: 10, max_waiting: 1 } };
    // It waits, and owes more tokens than there are.
    await submit(harness, { key, request: { v: 1, type: "completion", prompt: "x".repeat(400), params: { seed: 1 } } });
    expect(await harness.store.accept(sampleJob(harness, { key }))).toMatchObject({ outcome: "limited" });
    const hit = await harness.store.accept(sampleJob(harness, { key, reuse }));
    expect(hit).toMatchObject({ outcome: "accepted", job: { status: "succeeded" } });
    const third = await harness.store.accept(sampleJob(harness, { key, reuse }));
    expect(third).toMatchObject({ outcome: "limited", limit: "requests" });
  });

  it("ends the older job whose place it takes", async () => {
    await openSlots(harness, 1);
    await answer();
    const older = await submit(harness, { supersedeKey: "draft" });
    const newer = await submit(harness, { supersedeKey: "draft", reuse });
    expect(await read(older)).toMatchObject({ status: "cancelled", superseded_by: newer.id });
    expect(await statusOf(newer)).toBe("succeeded");
  });

  it("has it when it is due, if it is scheduled", async () => {
    await openSlots(harness, 1);
    await answer();
    const later = await submit(harness, { reuse, runAtMs: (await redisNow(harness.redis)) + 3_600_000 });
    expect(await statusOf(later)).toBe("scheduled");
    await harness.redis.zadd(`${harness.store.keys.base}scheduled`, 1, later.id);
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 10 })).toMatchObject({ due: 1, fed: [] });
    expect(await read(later)).toMatchObject({ status: "succeeded", cached: true });
  });

  it("has the answer that comes with it, of texts whose vectors are kept", async () => {
    await openSlots(harness, 1);
    const given = JSON.stringify({ embeddings: [[1, 0]], usage: { ...usage, completion_tokens: 0 } });
    const request = { v: 1, type: "embedding", input: ["a"] } as const;
    const hit = await harness.store.accept(
      sampleJob(harness, {
        request: { ...request, input: ["a"] },
        reuse: { ...reuse, answer: { result: given, promptTokens: 5 } },
      }),
    );
    expect(hit).toMatchObject({ outcome: "accepted", job: { cached: true, output: { embeddings: [[1, 0]] } } });
    expect((await counts())?.entries).toBe(0);
  });
});

describe("an answer is not given", () => {
  it("to a job that does not ask for it, or asks for something else", async () => {
    await openSlots(harness, 4);
    await answer();
    for (const over of [{}, { reuse: null }, { reuse: asking("r2") }])
      expect(await statusOf(await submit(harness, over))).toBe("queued");
  });

  it("that another model has computed than the job was accepted for, or nobody knows which", async () => {
    await openSlots(harness, 4);
    await end(await start(harness, { reuse }), { ...succeeded, ran: "another" });
    const { ran: _, ...unknown } = succeeded;
    await end(await start(harness, { reuse: asking("r2") }), unknown);
    expect(await statusOf(await submit(harness, { reuse }))).toBe("queued");
    expect(await statusOf(await submit(harness, { reuse: asking("r2") }))).toBe("queued");
  });

  it.each([
    ["failed", failed],
    ["cancelled", { ...succeeded, status: "cancelled" }],
    ["expired", { ...succeeded, status: "expired" }],
  ] as const)("that belongs to a job that has %s", async (_status, ending) => {
    await openSlots(harness, 4);
    await end(await start(harness, { reuse }), ending);
    expect(await statusOf(await submit(harness, { reuse }))).toBe("queued");
  });

  it("when its time is over, and then it is gone", async () => {
    await openSlots(harness, 1);
    await answer();
    await set({ ttl_seconds: 1 });
    const { redis, store } = harness;
    const text = (await redis.get(`${store.keys.base}answer:${reuse.key}`)) ?? "";
    await redis.set(`${store.keys.base}answer:${reuse.key}`, text.replace(/^\d+/, String((await redisNow(redis)) - 1_000)));
    expect(await statusOf(await submit(harness, { reuse }))).toBe("queued");
    expect(await counts()).toMatchObject({ entries: 0, bytes: 0, evictions: 0 });
  });

  it("when all are forgotten, which is noted", async () => {
    await openSlots(harness, 1);
    await answer();
    expect(await harness.store.reuse.forget("ops")).toBe(1);
    expect(await statusOf(await submit(harness, { reuse }))).toBe("queued");
    expect(await harness.store.audit(1)).toMatchObject([{ by: "ops", action: "reuse.forget", target: "1" }]);
  });
});

describe("what is kept", () => {
  const room = 1_500;

  it("takes no more room than it may; what was not used for longest goes", async () => {
    await openSlots(harness, 8);
    await set({ max_bytes: room });
    for (const name of ["a", "b"]) await answer({ reuse: asking(name) });
    await clockPast(harness.redis, await redisNow(harness.redis));
    expect(await statusOf(await submit(harness, { reuse: asking("a") }))).toBe("succeeded");
    await answer({ reuse: asking("c") });
    const kept = await counts();
    expect(kept).toMatchObject({ entries: 2, evictions: 1 });
    expect(kept?.bytes).toBeLessThanOrEqual(room);
    expect(await statusOf(await submit(harness, { reuse: asking("a") }))).toBe("succeeded");
    expect(await statusOf(await submit(harness, { reuse: asking("b") }))).toBe("queued");
  });

  it("leaves out what is larger than all may be", async () => {
    await openSlots(harness, 8);
    await set({ max_bytes: room });
    await answer({ reuse: asking("a") });
    await end(await start(harness, { reuse: asking("b") }), { ...succeeded, result: { ...result, text: "x".repeat(room) } });
    expect(await counts()).toMatchObject({ entries: 1, evictions: 0 });
    expect(await statusOf(await submit(harness, { reuse: asking("a") }))).toBe("succeeded");
  });

  it("shrinks with the settings, and goes when nobody has used it for its time", async () => {
    await openSlots(harness, 8);
    for (const name of ["a", "b", "c"]) await answer({ reuse: asking(name) });
    await set({ max_bytes: room });
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 10 })).toMatchObject({ forgotten: 1 });
    await set({ ttl_seconds: 1 });
    const answers = `${harness.store.keys.base}answers`;
    for (const key of await harness.redis.zrange(answers, 0, "-1")) await harness.redis.zadd(answers, 1, key);
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 1 })).toMatchObject({ forgotten: 1 });
    expect(await harness.store.sweep({ retentionMs: 60_000, limit: 10 })).toMatchObject({ forgotten: 1 });
    expect(await counts()).toMatchObject({ entries: 0, bytes: 0 });
  });
});

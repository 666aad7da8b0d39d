import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { type BatchClaim, type LineJob, lineJobId, type NewBatch, type StoredBatch } from "../src/index.ts";
import { clockPast, done, eventsOf, openSlots, redisNow, take, useStore } from "./harness.ts";

const harness = useStore();
const OWNER = "local";
const batchId = () => newId("batch", { now: Date.now, randomBytes, cell: 0 });

async function file(over: { purpose?: string; digest?: string } = {}): Promise<string> {
  const id = newId("file", { now: Date.now, randomBytes, cell: 0 });
  const facts = { filename: "in.jsonl", purpose: "batch", bytes: 10, digest: "d", expiresSeconds: null };
  await harness.store.files.create({ id, owner: OWNER, ...facts, ...over });
  return id;
}

async function create(over: Partial<NewBatch> = {}): Promise<string> {
  const id = batchId();
  const created = await harness.store.batches.create({
    ...{ id, owner: OWNER, keyId: null, endpoint: "/v1/chat/completions", inputFileId: await file(), windowSeconds: 3_600 },
    ...{ metadata: {}, outputExpiresSeconds: null, reuse: null, idempotency: null },
    ...over,
  });
  expect(created.outcome).toBe("created");
  return id;
}

const get = async (id: string) => (await harness.store.batches.get({ id })) as StoredBatch;
const held = () => harness.store.batches.held;

async function claim(): Promise<BatchClaim> {
  const [claimed] = await held().claim(10);
  if (claimed === undefined) throw new Error("nothing to claim");
  return claimed;
}

const request = { v: 1, type: "completion", prompt: "a", params: { seed: 1 } } as const;

/** A job of a line. @param jobs how many the line has */
function lineJob(id: string, number: number, part = 0, jobs = 1): LineJob {
  const batch = { id, createdMs: 1_700_000_000_000, cell: 0 };
  return {
    id: lineJobId(batch, number, part),
    slug: "tiny",
    model: "tiny",
    route: null,
    request,
    metadata: null,
    line: jobs === 1 ? null : { number, jobs },
  };
}

/** A batch with one open segment of these jobs. */
async function opened(jobs: (id: string) => LineJob[], keyId: string | null = null) {
  const id = await create({ keyId });
  const claimed = await claim();
  const lines = jobs(id);
  await held().begin(claimed, null);
  await held().addSegments(claimed, [{ offset: 0, bytes: 10, firstLine: 1, lines: lines.length }]);
  await held().start(claimed, "tiny");
  await held().openSegment(claimed, 0, lines.length);
  const accepted = await held().acceptLines(claimed, { segment: 0, keyId, deadlineAtMs: Date.now() + 3_600_000 }, lines);
  await held().segmentOpened(claimed, 0);
  if (accepted.outcome !== "accepted") throw new Error(accepted.outcome);
  return { id, claimed, lines, fed: accepted.fed };
}

const part = (bytes: number) => ({ fileId: newId("file", { now: Date.now, randomBytes, cell: 0 }), bytes });
const closing = (bytes: { output: number; error: number }) => ({
  ...{
    segment: 0,
    failed: 0,
    unanswered: { cancelled: 0, expired: 0 },
    usage: { inputTokens: 1, cachedTokens: 0, outputTokens: 2 },
  },
  parts: { output: part(bytes.output), error: part(bytes.error) },
});

describe("a line's job", () => {
  it("is taken in once, however often it is tried, and tells nobody of itself", async () => {
    await openSlots(harness, 4);
    const { id, claimed, lines, fed } = await opened((batch) => [lineJob(batch, 1), lineJob(batch, 2)]);
    expect(fed).toHaveLength(2);
    const again = await held().acceptLines(claimed, { segment: 0, keyId: null, deadlineAtMs: Date.now() + 1_000 }, lines);
    expect(again).toEqual({ outcome: "accepted", fed: [] });
    for (const job of fed) await harness.store.finish(await take(harness, { job_id: job.jobId, run: job.run }), done);
    expect((await get(id)).counts).toEqual({ total: 2, completed: 2, failed: 0 });
    for (const { id: jobId } of lines) expect(await eventsOf(harness, jobId)).toEqual([]);
    expect(await held().openSegments(id)).toEqual(new Map([[0, 0]]));
  });

  it("stays until its segment is closed, whatever is asked", async () => {
    await openSlots(harness, 4);
    const { id, claimed, lines, fed } = await opened((batch) => [lineJob(batch, 1)]);
    const [job] = fed;
    if (job === undefined) throw new Error("not fed");
    await harness.store.finish(await take(harness, { job_id: job.jobId, run: job.run }), done);
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
    expect(await harness.store.sweep({ retentionMs: 0, limit: 10 })).toMatchObject({ retired: 0 });
    expect(await harness.store.remove({ id: job.jobId, owner: OWNER })).toEqual({ outcome: "in_batch" });
    expect(await harness.store.getJob({ id: job.jobId, owner: OWNER })).toMatchObject({ batch_id: id });
    expect(await held().beginClosing(claimed, 0)).toBe("closing");
    expect(await held().closeSegment(claimed, closing({ output: 5, error: 0 }))).toBe("closed");
    await held().eraseLines(
      id,
      0,
      lines.map((each) => each.id),
    );
    expect(await harness.store.getJob({ id: job.jobId, owner: OWNER })).toBeNull();
    expect(await held().segmentsToErase(id)).toEqual([]);
  });

  it("counts as running of its key, and for none of its other limits", async () => {
    const key = { id: "k1", limits: { tokens_per_minute: 1, max_waiting: 0 } };
    await openSlots(harness, 4);
    const { fed } = await opened((batch) => [lineJob(batch, 1), lineJob(batch, 2)], key.id);
    expect(fed).toHaveLength(2);
    expect(await harness.redis.hget(`${harness.store.keys.base}running_of_key`, "k1")).toBe("2");
    expect(await harness.redis.hget(`${harness.store.keys.base}waiting_of_key`, "k1")).toBeNull();
  });

  it("of a line that has several is counted with the last of them, as failed when one has", async () => {
    await openSlots(harness, 4);
    const { id, fed } = await opened((batch) => [
      ...[lineJob(batch, 1, 0, 2), lineJob(batch, 1, 1, 2)],
      ...[lineJob(batch, 2, 0, 2), lineJob(batch, 2, 1, 2)],
    ]);
    const counts = [];
    for (const [index, job] of fed.entries()) {
      const taken = await take(harness, { job_id: job.jobId, run: job.run });
      const failed = { status: "failed", error: { code: "engine_failed", message: "no" } } as const;
      await harness.store.finish(taken, index === 2 ? failed : done);
      counts.push((await get(id)).counts);
    }
    expect(counts.map(({ completed, failed }) => [completed, failed])).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 1],
    ]);
  });
});

describe("a batch", () => {
  it("is held by one at a time; who has lost it changes nothing", async () => {
    const id = await create();
    const first = await claim();
    expect(await held().claim(10)).toEqual([]);
    await harness.redis.zadd(`${harness.store.keys.base}batches_due`, 0, id);
    const second = await claim();
    expect(second.fence).toBe(first.fence + 1);
    expect(await held().renew(first)).toBe(false);
    expect(await held().begin(first, null)).toBe("lost");
    expect(await held().addSegments(first, [{ offset: 0, bytes: 1, firstLine: 1, lines: 1 }])).toBe(false);
    expect(await held().start(first, null)).toBe("lost");
    expect(await held().openSegment(first, 0, 1)).toBe("lost");
    const place = { segment: 0, keyId: null, deadlineAtMs: 1 };
    expect(await held().acceptLines(first, place, [lineJob(id, 1)])).toEqual({ outcome: "lost" });
    expect(await held().beginClosing(first, 0)).toBe("lost");
    expect(await held().closeSegment(first, closing({ output: 5, error: 5 }))).toBe("lost");
    expect(await held().end(first, "completed")).toBe(false);
    expect(await held().release(first, 0)).toBe("lost");
    expect(await get(id)).toMatchObject({ status: "validating", outputFileId: null, counts: { total: 0 } });
    expect(await held().renew(second)).toBe(true);
  });

  it("that is woken while it is held is looked at again at once", async () => {
    const id = await create();
    const claimed = await claim();
    expect(await held().release(claimed, 60_000)).toBe("released");
    expect(await held().claim(10)).toEqual([]);
    await harness.store.batches.cancel({ id, owner: OWNER });
    const next = await claim();
    expect(await held().release(next, 60_000)).toBe("released");
    await harness.redis.zadd(`${harness.store.keys.base}batches_due`, 0, id);
    const last = await claim();
    await harness.store.batches.expire(id);
    // It is stopping already: nothing has come up.
    expect(await held().release(last, null)).toBe("released");
    expect(await harness.redis.zcard(`${harness.store.keys.base}batches_due`)).toBe(0);
  });

  it("needs its file, which is free again when it has ended", async () => {
    const inputFileId = await file();
    const input = { id: inputFileId, owner: OWNER };
    const id = await create({ inputFileId });
    expect(await harness.store.files.remove(input)).toBe("in_use");
    const claimed = await claim();
    await held().end(claimed, "failed", [{ code: "empty_file", message: "The file has no lines.", param: null, line: null }]);
    expect(await get(id)).toMatchObject({ status: "failed", hasEnded: true, errors: [{ code: "empty_file" }] });
    expect(await harness.store.files.remove(input)).toBe("removed");
  });

  it("is made over a file of its owner that is for batches, and nothing else", async () => {
    const wanted = {
      ...{ id: batchId(), keyId: null, endpoint: "/v1/chat/completions", windowSeconds: 3_600, metadata: {} },
      ...{ outputExpiresSeconds: null, reuse: null, idempotency: null },
    };
    const inputFileId = await file();
    const { create: make } = harness.store.batches;
    expect(await make({ ...wanted, owner: "bob", inputFileId })).toEqual({ outcome: "no_file" });
    const other = await file({ purpose: "user_data" });
    expect(await make({ ...wanted, owner: OWNER, inputFileId: other })).toEqual({
      outcome: "wrong_purpose",
      purpose: "user_data",
    });
    const reuse = await create({ inputFileId });
    expect(await make({ ...wanted, owner: OWNER, inputFileId, reuse })).toEqual({ outcome: "not_ended" });
    expect(await make({ ...wanted, owner: OWNER, inputFileId, reuse: batchId() })).toEqual({ outcome: "no_batch" });
    await held().end(await claim(), "failed");
    expect(await make({ ...wanted, owner: OWNER, inputFileId: await file({ digest: "e" }), reuse })).toEqual({
      outcome: "other_content",
    });
  });

  it("goes when it has ended long ago and its files are gone, and not before", async () => {
    const { id, claimed } = await opened((batch) => [lineJob(batch, 1)]);
    const job = lineJob(id, 1);
    await harness.store.cancel({ id: job.id, owner: OWNER });
    await held().beginClosing(claimed, 0);
    await held().closeSegment(claimed, closing({ output: 0, error: 7 }));
    await held().eraseLines(id, 0, [job.id]);
    await held().end(claimed, "completed");
    await held().release(claimed, null);
    await clockPast(harness.redis, (await redisNow(harness.redis)) + 2);
    await harness.store.files.sweep({ retentionMs: 0, limit: 10 });
    const { errorFileId } = await get(id);
    expect(await harness.store.files.remove({ id: errorFileId ?? "", owner: OWNER })).toBe("removed");
    const [removal] = await harness.store.files.removals(10);
    expect(removal?.objects).toEqual([`batches/${id}/0.${claimed.fence}.error.jsonl`]);
    await harness.store.files.removed(removal?.id ?? "");
    await harness.redis.zadd(`${harness.store.keys.base}batches_ended`, 0, id);
    await harness.store.files.sweep({ retentionMs: 0, limit: 10 });
    expect(await harness.store.batches.get({ id })).toBeNull();
    expect((await harness.redis.keys("*batch*")).filter((key) => key.includes(id))).toEqual([]);
  });
});

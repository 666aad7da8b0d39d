import { AppError } from "@llamero/core";
import { expect, test } from "vitest";
import { createStore, findModel } from "../src/index.ts";
import { notifyBucket } from "../src/keys.ts";
import { announce, done, newJobId, openSlots, sampleJob, start, submit, take, useStore } from "./harness.ts";
import { brokenInvariants } from "./invariants.ts";

const harness = useStore();

test("goes on after Redis has lost its scripts", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 1);
  const flush = () => redis.script("FLUSH", "SYNC");
  await flush();
  const job = await submit(harness);
  await flush();
  const claim = await take(harness, { job_id: job.id, run: 1 });
  await flush();
  expect(await store.append(claim, 1, { tokens: [1], text: "x" })).toMatchObject({ outcome: "appended" });
  await flush();
  expect(await store.finish(claim, done)).toMatchObject({ outcome: "finished" });
  await flush();
  expect(await store.cancel(job)).toMatchObject({ outcome: "terminal" });
  await flush();
  expect(await store.remove(job)).toEqual({ outcome: "removed" });
  await flush();
  expect(await store.sweep({ retentionMs: 1, limit: 1 })).toMatchObject({ due: 0 });
  await flush();
  expect(await store.feed(["tiny"])).toEqual([]);
});

test("shares a Redis with another deployment, and neither sees the other", async () => {
  const { redis, store } = harness;
  const other = createStore({ redis, prefix: "other" });
  await announce(other, "theirs");
  await openSlots(harness, 4);
  const mine = await submit(harness);
  const theirs = sampleJob({ slug: "theirs" });
  expect(await other.accept(theirs)).toMatchObject({ outcome: "accepted", fed: [] });
  expect(await other.getJob(mine)).toBeNull();
  expect(await store.getJob(theirs)).toBeNull();
  expect((await other.catalogue()).map((model) => model.name)).toEqual(["theirs"]);
  expect(await other.liveWorkers()).toEqual([]);
  await other.cancel(theirs);
  expect(await other.sweep({ retentionMs: 0, limit: 10 })).toMatchObject({ retired: 1 });
  expect(await store.getJob(mine)).toMatchObject({ status: "queued" });
  expect(await brokenInvariants(redis, other.keys, [store.keys.base])).toEqual([]);
  expect(await brokenInvariants(redis, store.keys, [other.keys.base])).toEqual([]);
  await redis.del(await redis.keys(`${other.keys.base}*`));
});

test("puts every key of a cell under one hash tag, so that a Redis Cluster keeps them together", async () => {
  const { redis, store } = harness;
  await openSlots(harness, 2);
  const job = await start(harness, { metadata: { a: "b" }, idempotency: { key: "k", bodyHash: "b" }, deadlineMs: 60_000 });
  await store.append(job.claim, 1, { tokens: [1], text: "x" });
  await submit(harness, { runAtMs: 4_000_000_000_000 });
  await store.cancel(job, true);
  await store.apiKeys.create({ by: "test", owner: "alice", name: "x", nowMs: 1 });
  const keys = await redis.keys("*");
  expect(keys.length).toBeGreaterThan(15);
  expect(keys.filter((key) => !key.startsWith("test:{c0}:"))).toEqual([]);
  expect(createStore({ redis, prefix: "test", cell: 7 }).keys.base).toBe("test:{c7}:");
});

test("shows no call another owner's job", async () => {
  const { store } = harness;
  const job = await submit(harness, { owner: "alice" });
  const asBob = { id: job.id, owner: "bob" };
  expect(await store.getJob(asBob)).toBeNull();
  expect(await store.getRecord(asBob)).toBeNull();
  expect(await store.cancel(asBob)).toEqual({ outcome: "gone" });
  expect(await store.remove(asBob)).toEqual({ outcome: "gone" });
  expect(await store.getJob({ id: newJobId(), owner: "alice" })).toBeNull();
  expect(await store.getJob(job)).toMatchObject({ status: "queued" });
});

test("reads jobs by names that every object has as missing", async () => {
  for (const id of ["", "constructor", "__proto__"]) expect(await harness.store.getJob({ id, owner: "local" })).toBeNull();
});

test("publishes where the subscribers of a job listen", async () => {
  const { redis, server, store } = harness;
  const subscriber = redis.duplicate({ path: server.url.slice("unix://".length), enableOfflineQueue: true });
  const heard: [string, string][] = [];
  const enough = Promise.withResolvers<void>();
  subscriber.on("pmessage", (_pattern: string, channel: string, message: string) => {
    heard.push([channel, message.split(",")[0] ?? ""]);
    if (heard.length === 100) enough.resolve();
  });
  await subscriber.psubscribe(`${store.keys.base}notify:*`);
  for (let i = 0; i < 100; i++) await store.cancel(await submit(harness));
  await enough.promise;
  for (const [channel, id] of heard) expect(channel).toBe(store.keys.notify(notifyBucket(id)));
  expect(new Set(heard.map(([channel]) => channel)).size).toBeGreaterThan(20);
  subscriber.disconnect();
});

test("names the models there are, the default first", async () => {
  const { store } = harness;
  await announce(store, "hf:acme/Big:Q4");
  const catalogue = await store.catalogue();
  expect(catalogue.map((model) => model.name)).toEqual(["hf:acme/Big:Q4", "tiny"]);
  expect(catalogue.map((model) => /^[a-z0-9_-]+$/.test(model.slug))).toEqual([true, true]);
  expect(findModel(catalogue, undefined).name).toBe(catalogue[0]?.name);
  expect(findModel(catalogue, "tiny").name).toBe("tiny");
  expect(() => findModel(catalogue, "constructor")).toThrow(/There is no model "constructor". Models: .*tiny/);
  expect(() => findModel([], undefined)).toThrow(AppError);
});

test("a broken store is noticed by its invariants", async () => {
  const { redis, store } = harness;
  const job = await submit(harness, { deadlineMs: 60_000 });
  const broken = async (damage: () => Promise<unknown>, repair: () => Promise<unknown>) => {
    await damage();
    const problems = await brokenInvariants(redis, store.keys);
    await repair();
    return problems.length;
  };
  const index = store.keys.index("local", "tiny", "queued");
  const backlog = store.keys.backlog("tiny", "normal", "local", null);
  const score = (await redis.zscore(backlog, job.id)) ?? 0;
  const found = [
    await broken(
      () => redis.zrem(index, job.id),
      () => redis.zadd(index, 0, job.id),
    ),
    await broken(
      () => redis.zrem(backlog, job.id),
      () => redis.zadd(backlog, score, job.id),
    ),
    await broken(
      () => redis.zadd(store.keys.window("tiny"), 1, job.id),
      () => redis.del(store.keys.window("tiny")),
    ),
    await broken(
      () => redis.set("stray", 1),
      () => redis.del("stray"),
    ),
    await broken(
      () => redis.set(store.keys.result(job.id), "{}"),
      () => redis.del(store.keys.result(job.id)),
    ),
    await broken(
      () => redis.zrem(store.keys.turns("tiny", "normal"), "local"),
      () => redis.zadd(store.keys.turns("tiny", "normal"), 0, "local"),
    ),
    await broken(
      () => redis.hincrby(store.keys.waitingTokens, "tiny:normal", 1),
      () => redis.hincrby(store.keys.waitingTokens, "tiny:normal", -1),
    ),
  ];
  expect(found.filter((problems) => problems === 0)).toEqual([]);
});

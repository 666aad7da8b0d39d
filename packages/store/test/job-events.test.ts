import type { JobStatus } from "@llamero/core";
import { expect, test } from "vitest";
import { connectRedis } from "../src/index.ts";
import { clockPast, done, newJobId, openSlots, redisNow, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();
const empty = (status: JobStatus, attempt: number) => ({ status, attempt, chunks: 0, anewBehind: 0, news: [] });
const read = (job: { id: string; owner: string }, chunks = 0, attempt = 1) => harness.store.readEvents(job, { chunks, attempt });

async function write(claim: Parameters<typeof harness.store.append>[0], first: number, ...texts: string[]): Promise<void> {
  for (const [index, text] of texts.entries()) {
    const tokens = text === "" ? [] : [1, 2];
    expect(await harness.store.append(claim, first + index, { tokens, text })).toMatchObject({ outcome: "appended" });
  }
}

test("gives the chunks behind a position, in order, with their tokens", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "Hel", "", "lo 🦙");
  const news = [
    { k: 1, text: "Hel", tokens: 2 },
    { k: 2, text: "", tokens: 0 },
    { k: 3, text: "lo 🦙", tokens: 2 },
  ];
  const page = { status: "running", attempt: 1, chunks: 3, anewBehind: 0 };
  expect(await read(job)).toEqual({ ...page, news });
  for (let chunks = 0; chunks <= 3; chunks++) expect(await read(job, chunks)).toEqual({ ...page, news: news.slice(chunks) });
});

test("gives all from the first when there is not so much as was asked for", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "a", "b");
  expect((await read(job, 3))?.news.map(({ text }) => text)).toEqual(["a", "b"]);
});

test("gives long texts a page at a time", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
  await write(job.claim, 1, ...texts);
  const first = await read(job);
  const second = await read(job, first?.news.at(-1)?.k ?? 0);
  expect([first?.news.length, second?.news.length]).toEqual([256, 44]);
  expect([...(first?.news ?? []), ...(second?.news ?? [])].map(({ text }) => text)).toEqual(texts);
});

test("ends a page with the chunk that makes it large", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, ..."abc".split("").map((letter) => letter.repeat(40_000)));
  expect((await read(job))?.news.map(({ k }) => k)).toEqual([1, 2]);
  expect((await read(job, 2))?.news.map(({ k }) => k)).toEqual([3]);
});

test("gives the text of a job that has ended as long as it is kept", async () => {
  await openSlots(harness, 1);
  for (const ending of [done, { status: "failed", error: { code: "engine_failed", message: "no" } }] as const) {
    const job = await start(harness);
    await write(job.claim, 1, "yes");
    await harness.store.finish(job.claim, ending);
    expect(await read(job)).toMatchObject({ status: ending.status, attempt: 1, chunks: 1, news: [{ text: "yes" }] });
    await harness.store.remove(job);
    expect(await read(job)).toBeNull();
  }
});

test("keeps the text of an attempt that was handed back, also when the job then ends waiting", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "a", "b");
  await harness.store.finish(job.claim, { status: "queued" });
  expect(await read(job, 1)).toMatchObject({ status: "queued", attempt: 1, chunks: 2, news: [{ k: 2, text: "b" }] });
  await harness.store.cancel(job);
  expect(await read(job, 1)).toMatchObject({ status: "cancelled", attempt: 1, chunks: 2, news: [{ k: 2, text: "b" }] });
  expect(await harness.store.getJob(job)).toMatchObject({ output: { text: "ab" } });
});

test("gives the text of a running job that is ended over its worker's head", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "a", "b");
  await harness.store.cancel(job, true);
  expect(await read(job, 1)).toMatchObject({
    status: "cancelled",
    attempt: 1,
    chunks: 2,
    news: [{ k: 2, text: "b", tokens: 2 }],
  });
});

test("goes on with the next attempt", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "a", "b");
  const second = await take(harness, { job_id: job.id, run: job.run });
  expect(await read(job, 2)).toMatchObject({ status: "running", attempt: 2, chunks: 2, news: [] });
  await write(second, 3, "c");
  expect(await read(job, 1)).toMatchObject({
    attempt: 2,
    news: [
      { k: 2, text: "b" },
      { k: 3, text: "c" },
    ],
  });
});

test("knows jobs that wait", async () => {
  expect(await read(await submit(harness))).toEqual(empty("queued", 0));
  const runAtMs = (await redisNow(harness.redis)) + 60_000;
  expect(await read(await submit(harness, { runAtMs }))).toEqual(empty("scheduled", 0));
});

test("knows no job of another owner, and none that does not exist", async () => {
  const job = await submit(harness);
  expect(await read({ id: job.id, owner: "mallory" })).toBeNull();
  expect(await read({ id: newJobId(), owner: "local" })).toBeNull();
});

test("writes nothing but that somebody watches, once in a while", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await write(job.claim, 1, "a");
  const changes = async () =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(await harness.redis.info("persistence"))?.[1] ?? Number.NaN);
  const before = await changes();
  for (let reading = 0; reading < 5; reading++) await read(job);
  expect(await changes()).toBe(before + 1);
});

test("chunks are told of while somebody follows the job, and the end in any case", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  const subscriber = await connectRedis(harness.server.url, "blocking");
  try {
    const told: string[] = [];
    const ended = Promise.withResolvers<void>();
    subscriber.on("pmessage", (_pattern: string, _channel: string, message: string) => {
      told.push(message);
      if (message.endsWith(",end")) ended.resolve();
    });
    await subscriber.psubscribe(`${harness.store.keys.base}notify:*`);
    await write(job.claim, 1, "unheard");
    await read(job);
    await write(job.claim, 2, "heard");
    await harness.store.finish(job.claim, done);
    await ended.promise;
    expect(told).toEqual([`${job.id},2`, `${job.id},end`]);
  } finally {
    subscriber.disconnect();
  }
});

test("a scheduled job that becomes due is told to whoever follows it", async () => {
  const runAtMs = (await redisNow(harness.redis)) + 50;
  const job = await submit(harness, { runAtMs });
  const subscriber = await connectRedis(harness.server.url, "blocking");
  try {
    const told = Promise.withResolvers<string>();
    subscriber.on("pmessage", (_pattern: string, _channel: string, message: string) => told.resolve(message));
    await subscriber.psubscribe(`${harness.store.keys.base}notify:*`);
    await clockPast(harness.redis, runAtMs);
    await harness.store.sweep({ retentionMs: 60_000, limit: 10 });
    expect(await told.promise).toBe(`${job.id},queued`);
    expect(await read(job)).toMatchObject({ status: "queued" });
  } finally {
    subscriber.disconnect();
  }
});

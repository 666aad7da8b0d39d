import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { newId } from "@llamero/core";
import { startRedis, type TestRedis, tinyEntry } from "@llamero/testkit";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type Claim, connectRedis, createStore, type FedJob, type NewJob, type Store } from "../src/index.ts";
import { brokenInvariants } from "./invariants.ts";

export interface StoreHarness {
  store: Store;
  redis: Redis;
  server: TestRedis;
  slug: string;
  close(): Promise<void>;
}

export interface StartedJob extends NewJob {
  run: number;
  claim: Claim;
}

/** A store on a Redis of its own. */
export async function openStore(): Promise<StoreHarness> {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  const store = createStore({ redis, prefix: "test" });
  const close = async () => {
    redis.disconnect();
    await server.close();
  };
  return { store, redis, server, slug: "tiny", close };
}

export async function announce(store: Store, name: string): Promise<void> {
  await store.announceModel({ ...tinyEntry, name });
}

/** One store for a test file, emptied before each test; after each, every key in Redis must make sense. */
export function useStore(): StoreHarness {
  const harness = {} as StoreHarness;
  beforeAll(async () => {
    Object.assign(harness, await openStore());
  });
  beforeEach(async () => {
    await harness.redis.flushall();
    await announce(harness.store, "tiny");
  });
  afterEach(async () => {
    expect(await brokenInvariants(harness.redis, harness.store.keys)).toEqual([]);
  });
  afterAll(() => harness.close());
  return harness;
}

export function newJobId(): string {
  return newId("job", { now: Date.now, randomBytes, cell: 0 });
}

export function sampleJob(harness: Pick<StoreHarness, "slug">, over: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(),
    owner: "local",
    slug: harness.slug,
    request: { v: 1, type: "chat", messages: [{ role: "user", content: "hello" }], params: { seed: 1 } },
    runAtMs: null,
    deadlineMs: null,
    idempotency: null,
    metadata: null,
    retryOf: null,
    ...over,
  };
}

/** Says that a worker with this many slots lives; each slot makes room for two jobs in the window. */
export function openSlots(
  harness: StoreHarness,
  slots: number,
  workerId = "w1",
  { slug = harness.slug, variants = [] }: { slug?: string; variants?: string[] } = {},
): Promise<FedJob[]> {
  return harness.store.beat({ workerId, host: "test", pid: 1, slots: [{ slug, slots }], variants });
}

export async function submit(harness: StoreHarness, over: Partial<NewJob> = {}): Promise<NewJob & { fed: FedJob[] }> {
  const job = sampleJob(harness, over);
  const result = await harness.store.accept(job);
  if (result.outcome !== "accepted") throw new Error(`not accepted: ${result.outcome}`);
  return { ...job, fed: result.fed };
}

/** Submits a job and claims it; needs room in the window. */
export async function start(harness: StoreHarness, over: Partial<NewJob> = {}): Promise<StartedJob> {
  const { fed, ...job } = await submit(harness, over);
  const run = fed.find((entry) => entry.jobId === job.id)?.run;
  if (run === undefined) throw new Error("the job was not fed: open slots first");
  return { ...job, run, claim: await take(harness, { job_id: job.id, run }) };
}

export async function take(harness: StoreHarness, carrier: { job_id: string; run: number }, workerId = "w1"): Promise<Claim> {
  const slug = await harness.redis.hget(harness.store.keys.job(carrier.job_id), "model");
  const result = await harness.store.claim(carrier, workerId, { variants: slug === null ? [] : [slug] });
  if (result.outcome !== "claimed") throw new Error(`not claimed: ${result.outcome}`);
  return result.claim;
}

/** Owner → weight; null takes one back. */
export async function setWeights({ store }: StoreHarness, weights: Record<string, number | null>): Promise<void> {
  await store.settings.change({ weights }, { by: "test", nowMs: await store.now() });
}

export const done = { status: "succeeded", result: { text: "yes", finish_reason: "stop" }, completionTokens: 1 } as const;

/** Redis's own clock, which is the one that counts, in milliseconds. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}

/** Reads until the reading fits. @throws when it has not after `timeoutMs`, with the last reading */
export async function until<T>(read: () => Promise<T>, fits: (value: T) => boolean, timeoutMs = 10_000): Promise<T> {
  const giveUp = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (fits(value)) return value;
    if (Date.now() > giveUp) throw new Error(`still ${JSON.stringify(value)} after ${timeoutMs} ms`);
    await pause(5);
  }
}

export function clockPast(redis: Redis, ms: number): Promise<number> {
  return until(
    () => redisNow(redis),
    (now) => now > ms,
  );
}

/** What the outbox holds for a job, in order. */
export async function eventsOf(harness: StoreHarness, jobId: string): Promise<string[]> {
  const entries = (await harness.redis.xrange(harness.store.keys.outbox, "-", "+")) as [string, string[]][];
  return entries.filter(([, fields]) => fields[3] === jobId).map(([, fields]) => fields[1] ?? "");
}

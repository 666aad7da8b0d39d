import type { Priority } from "@llamero/core";
import { expect, test } from "vitest";
import type { FedJob, NewJob } from "../src/index.ts";
import { openSlots, redisNow, setWeights, submit, take, useStore } from "./harness.ts";

const harness = useStore();

interface Wish {
  owner: string;
  priority?: Priority;
  /** What it says that it makes at most; it makes `makes`. */
  maxTokens?: number;
  makes?: number;
}

/** Slots that run one job after another, as workers do, and what each owner has had. */
class Slots {
  readonly jobs = new Map<string, Wish & NewJob>();
  /** The owners of the jobs that ran, in their order. */
  readonly ran: string[] = [];
  readonly tokens = new Map<string, number>();
  readonly #window: FedJob[] = [];

  async open(slots: number): Promise<void> {
    this.#window.push(...(await openSlots(harness, slots)));
  }

  async submit(wish: Wish): Promise<NewJob> {
    const { owner, priority = "normal", maxTokens = 100 } = wish;
    const request = {
      v: 1,
      type: "completion",
      prompt: "x".repeat(40),
      params: { seed: 1, max_tokens: maxTokens },
    } as const;
    const { fed, ...job } = await submit(harness, { owner, priority, request });
    this.jobs.set(job.id, { ...job, ...wish });
    this.#window.push(...fed);
    return job;
  }

  /** Runs so many jobs, first in the window first. @param onEnd what their owners do then */
  async run(count: number, onEnd: (owner: string) => Promise<unknown> = async () => {}): Promise<void> {
    for (let i = 0; i < count; i++) {
      const next = this.#window.shift();
      if (next === undefined) throw new Error(`nothing is left to run after ${i} jobs`);
      const claim = await take(harness, { job_id: next.jobId, run: next.run });
      const job = this.jobs.get(next.jobId);
      if (job === undefined) throw new Error(`${next.jobId} is not of this test`);
      const made = job.makes ?? job.maxTokens ?? 100;
      const usage = { prompt_tokens: 10, cached_tokens: 0, completion_tokens: made, total_tokens: 10 + made };
      const result = { text: "", finish_reason: "stop", usage } as const;
      const ended = await harness.store.finish(claim, { status: "succeeded", result, completionTokens: made });
      if (ended.outcome !== "finished") throw new Error(ended.outcome);
      this.ran.push(job.owner);
      this.tokens.set(job.owner, (this.tokens.get(job.owner) ?? 0) + usage.total_tokens);
      this.#window.push(...ended.fed);
      await onEnd(job.owner);
    }
  }

  /** Of all tokens, those of an owner. */
  share(owner: string): number {
    const all = [...this.tokens.values()].reduce((sum, tokens) => sum + tokens, 0);
    return (this.tokens.get(owner) ?? 0) / all;
  }
}

test("one job does not wait behind another owner's many", async () => {
  const slots = new Slots();
  for (let i = 0; i < 50; i++) await slots.submit({ owner: "many" });
  await slots.open(2);
  await slots.run(5);
  await slots.submit({ owner: "one" });
  await slots.run(5);
  // The window holds four jobs that were fed before it came.
  expect(slots.ran.indexOf("one")).toBe(9);
});

test("who submits one job at a time gets as much as who has queued many", async () => {
  const slots = new Slots();
  for (let i = 0; i < 100; i++) await slots.submit({ owner: "many" });
  await slots.submit({ owner: "single" });
  await slots.submit({ owner: "single" });
  await slots.open(1);
  await slots.run(80, (owner) => (owner === "single" ? slots.submit({ owner }) : Promise.resolve()));
  expect(slots.share("single")).toBeCloseTo(0.5, 1);
});

test("slots are shared by tokens, not by jobs", async () => {
  const slots = new Slots();
  for (let i = 0; i < 40; i++) await slots.submit({ owner: "long", maxTokens: 790 });
  for (let i = 0; i < 200; i++) await slots.submit({ owner: "short", maxTokens: 90 });
  await slots.open(1);
  await slots.run(150);
  expect(slots.share("long")).toBeGreaterThan(0.47);
  expect(slots.share("long")).toBeLessThan(0.53);
});

test("by the tokens that jobs have cost in the end, whatever they were expected to", async () => {
  const slots = new Slots();
  for (let i = 0; i < 100; i++) await slots.submit({ owner: "modest", maxTokens: 200, makes: 200 });
  for (let i = 0; i < 100; i++) await slots.submit({ owner: "wary", maxTokens: 200, makes: 20 });
  await slots.open(1);
  await slots.run(90);
  expect(slots.share("wary")).toBeGreaterThan(0.45);
  expect(slots.share("wary")).toBeLessThan(0.55);
});

test("weights say how much of the slots an owner gets, from when they are set", async () => {
  const slots = new Slots();
  for (const owner of ["a", "b"]) for (let i = 0; i < 150; i++) await slots.submit({ owner });
  await setWeights(harness, { a: 3 });
  await slots.open(1);
  await slots.run(100);
  expect(slots.share("a")).toBeGreaterThan(0.7125);
  expect(slots.share("a")).toBeLessThan(0.7875);
  await setWeights(harness, { a: null });
  slots.tokens.clear();
  await slots.run(60);
  expect(slots.share("a")).toBeCloseTo(0.5, 1);
  for (const weight of [0, -1, Number.NaN, 1e9]) await expect(setWeights(harness, { a: weight })).rejects.toThrow("weights.a");
});

test("an owner who comes back has no claim on what others had meanwhile", async () => {
  const slots = new Slots();
  for (let i = 0; i < 60; i++) await slots.submit({ owner: "steady" });
  await slots.open(1);
  await slots.run(30);
  for (let i = 0; i < 30; i++) await slots.submit({ owner: "late" });
  slots.tokens.clear();
  await slots.run(22);
  expect(slots.share("late")).toBeCloseTo(0.5, 1);
});

test("a job that is cancelled before it started costs its owner nothing", async () => {
  const slots = new Slots();
  const { redis, store } = harness;
  await slots.submit({ owner: "steady" });
  await slots.open(1);
  const turn = async () => Number(await redis.zscore(store.keys.turns("tiny", "normal"), "fickle"));
  const fed = await slots.submit({ owner: "fickle", maxTokens: 900 });
  await slots.submit({ owner: "fickle" });
  const before = await turn();
  await store.cancel(fed);
  const spent = await redis.zscore(`${store.keys.base}spent:tiny:normal`, "fickle");
  expect(before).toBeGreaterThan(260);
  // Its next job was fed in its place, and that one was charged alone.
  expect(Number(spent)).toBeLessThan(150);
});

test("higher classes go first, and within one class owners share", async () => {
  const slots = new Slots();
  for (const priority of ["low", "normal", "high"] as const)
    for (const owner of ["a", "b"]) for (let i = 0; i < 2; i++) await slots.submit({ owner: `${owner}-${priority}`, priority });
  await slots.open(1);
  await slots.run(12);
  expect(slots.ran).toEqual(["high", "normal", "low"].flatMap((name) => [`a-${name}`, `b-${name}`, `a-${name}`, `b-${name}`]));
});

test("a class that has waited for long gets one feed in eight, however much waits above it", async () => {
  const slots = new Slots();
  const { redis, store } = harness;
  for (let i = 0; i < 5; i++) await slots.submit({ owner: "patient", priority: "low" });
  for (let i = 0; i < 60; i++) await slots.submit({ owner: "urgent", priority: "high" });
  await slots.open(1);
  await slots.run(20);
  expect(slots.ran).not.toContain("patient");
  const line = store.keys.backlog("tiny", "low", "patient", null);
  const longAgo = (await redisNow(redis)) - 301_000;
  for (const id of await redis.zrange(line, 0, "-1")) await redis.zadd(line, longAgo, id);
  await redis.zadd(store.keys.lines("tiny", "low", "patient"), longAgo, "-");
  await redis.zadd(`${store.keys.base}heads:tiny:low`, longAgo, "patient");
  await slots.run(34);
  expect(slots.ran.flatMap((owner, index) => (owner === "patient" ? [index] : []))).toEqual([29, 37, 45, 53]);
});

test("owners who do not wait are remembered only while they are ahead", async () => {
  const slots = new Slots();
  const { redis, store } = harness;
  await slots.open(8);
  for (let i = 0; i < 100; i++) {
    await slots.submit({ owner: `guest-${i}`, maxTokens: 500 });
    await slots.submit({ owner: "resident", maxTokens: 500 });
    await slots.run(2);
  }
  expect(await redis.zcard(`${store.keys.base}spent:tiny:normal`)).toBeLessThan(20);
});

test("the place in line is what feeding then does, with weights, classes and jobs of any length", async () => {
  const slots = new Slots();
  const { store } = harness;
  await setWeights(harness, { heavy: 4 });
  const jobs: NewJob[] = [];
  for (let i = 0; i < 30; i++) {
    const owner = ["heavy", "light", "late"][i % 3] ?? "";
    jobs.push(await slots.submit({ owner, priority: (["normal", "high", "low"] as const)[i % 5] ?? "normal" }));
  }
  const places = new Map(await Promise.all(jobs.map(async (job) => [job.id, (await store.getJob(job))?.position] as const)));
  const fed = await openSlots(harness, 15);
  expect(fed.map(({ jobId }) => places.get(jobId))).toEqual(fed.map((_, index) => index + 1));
});

test("the expected start follows from what waits before and from what has ended of late", async () => {
  const slots = new Slots();
  const { redis, store } = harness;
  const first = await slots.submit({ owner: "a" });
  expect(await store.getJob(first)).toMatchObject({ position: 1, eta_seconds: null });
  for (let i = 0; i < 9; i++) await slots.submit({ owner: "a" });
  const now = await redisNow(redis);
  await redis.hset(store.keys.drain("tiny"), { jobs: 1, tokens: 220, at: now + 1_000, since: now - 1_000_000 });
  const last = await slots.submit({ owner: "a" });
  const { eta_seconds, position } = (await store.getJob(last)) ?? {};
  expect(position).toBe(11);
  // Ten jobs of 10 + 100 tokens, at 220 tokens a second.
  expect(eta_seconds).toBeGreaterThan(4.8);
  expect(eta_seconds).toBeLessThan(5.2);
});

import type { JobRequest, Priority } from "@llamero/core";
import { type Random, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import type { Claim } from "../src/index.ts";
import { CarrierQueue, KEPT_MS, plain, turn, warmedQueue, withBeginning } from "./carrier-queue.ts";
import { openSlots, redisNow, useStore } from "./harness.ts";
import { brokenInvariants } from "./invariants.ts";

const harness = useStore();
const warmed = (slots = 1) => warmedQueue(harness, slots);

test("the claim of a turn tells its session, and the next turn the same one", async () => {
  const carriers = await warmed();
  const number = await carriers.submit(turn("a"));
  const claim = await carriers.pull("w1");
  expect(claim).toMatchObject({ number, session: expect.stringMatching(/^s/) });
  await carriers.end(claim);
  await carriers.submit(turn("a"));
  expect((await carriers.pull("w1"))?.session).toBe(claim?.session);
});

test("a worker leaves a turn for the one that has the conversation, while that has a slot free", async () => {
  const carriers = await warmed();
  const number = await carriers.submit(turn("a"));
  expect(await carriers.pull("w2")).toBeNull();
  expect(await carriers.run("w1")).toBe(number);
});

test("it takes the turn itself where the other is busy, and is a home of the session from then on", async () => {
  const carriers = await warmed();
  const { w2 } = await carriers.busy();
  await carriers.end(w2[0] ?? null);
  const number = await carriers.submit(turn("a"));
  expect(await carriers.run("w2")).toBe(number);
  const next = await carriers.submit(turn("a"));
  expect(await carriers.run("w2")).toBe(next);
});

test("a turn is left for half a second at most: nothing waits for a worker that does not come", async () => {
  const { redis, store } = harness;
  const carriers = await warmed();
  const number = await carriers.submit(turn("a"));
  const record = store.keys.job(carriers.waiting[0]?.jobId ?? "");
  for (let i = 0; i < 20; i++) expect(await carriers.pull("w2")).toBeNull();
  const leftAt = Number(await redis.hget(record, "left_at_ms"));
  expect(leftAt).toBeLessThanOrEqual(await redisNow(redis));
  await redis.hset(record, "left_at_ms", leftAt - 500);
  expect(await carriers.run("w2")).toBe(number);
  expect(await redis.hexists(record, "left_at_ms")).toBe(0);
});

test("nothing is left for a worker that has not been heard of for a while, or that has unloaded the model", async () => {
  const { redis, store } = harness;
  const carriers = await warmed();
  await redis.hset(store.keys.worker("w1"), "seen_ms", (await redisNow(redis)) - 3_000);
  const first = await carriers.submit(turn("a"));
  expect(await carriers.run("w2")).toBe(first);
  await carriers.open({ w3: 1 });
  await carriers.submit(turn("c"));
  await carriers.run("w3");
  await openSlots(harness, 1, "w3", { slug: "other" });
  const last = await carriers.submit(turn("c"));
  expect(await carriers.run("w2")).toBe(last);
});

test("where more wait than there are slots, a worker takes the first job whose conversation it has", async () => {
  const carriers = await warmed();
  const { w1, w2 } = await carriers.busy();
  const [a, b] = [await carriers.submit(turn("a")), await carriers.submit(turn("b"))];
  expect(carriers.waiting.map(({ jobId }) => carriers.number(jobId))).toEqual([a, b]);
  await carriers.end(w2[0] ?? null);
  const first = await carriers.pull("w2");
  expect(first?.number).toBe(b);
  expect(first && carriers.number(first.carrier.jobId)).toBe(a);
  await carriers.end(w1[0] ?? null);
  expect(await carriers.run("w1")).toBe(a);
  await carriers.end(first);
});

test("else the first that no worker has; else the one whose turn it is", async () => {
  const carriers = await warmed();
  const { w2 } = await carriers.busy();
  const [a, other] = [await carriers.submit(turn("a")), await carriers.submit(plain)];
  await carriers.end(w2[0] ?? null);
  expect(await carriers.run("w2")).toBe(other);
  expect(await carriers.run("w2")).toBe(a);
});

test("those that are passed over keep their order", async () => {
  const carriers = await warmed(2);
  const { w1, w2 } = await carriers.busy(2);
  const first = await carriers.submit(turn("a"));
  const [second, third] = [await carriers.submit(turn("a")), await carriers.submit(turn("b"))];
  await carriers.end(w2[0] ?? null);
  expect(await carriers.run("w2")).toBe(third);
  await carriers.end(w1[0] ?? null);
  expect([await carriers.run("w1"), await carriers.run("w1")]).toEqual([first, second]);
});

test("a job is passed over as often as there are slots, and then runs where it is", async () => {
  const carriers = await warmed(2);
  const { w2 } = await carriers.busy(2);
  const a = await carriers.submit(turn("a"));
  const order: number[] = [];
  for (let i = 0; i < 6; i++) {
    await carriers.submit(plain);
    await carriers.end(w2.pop() ?? null);
    const claim = await carriers.pull("w2");
    if (claim === null) throw new Error("it was left");
    order.push(claim.number);
    w2.push(claim);
  }
  expect(order.indexOf(a)).toBe(4);
});

test.each<Priority>(["normal", "low"])("jobs of class %s change places with their own class alone", async (priority) => {
  const carriers = await warmed();
  const { w2 } = await carriers.busy();
  const first = await carriers.submit(turn("a"), { priority });
  await carriers.submit(turn("b"), { priority: priority === "normal" ? "low" : "normal" });
  await carriers.end(w2[0] ?? null);
  expect(await carriers.run("w2")).toBe(first);
});

test("urgent jobs, and those that have their turn by their age, run where they are pulled", async () => {
  const carriers = await warmed();
  const urgent = await carriers.submit(turn("a"), { priority: "high" });
  expect(await carriers.run("w2")).toBe(urgent);
  const aged = await carriers.submit(turn("b"));
  await harness.redis.hset(harness.store.keys.job(carriers.waiting[0]?.jobId ?? ""), "keeps_slot", 1);
  expect(await carriers.run("w1")).toBe(aged);
});

test("without a time to keep sessions for, a worker takes jobs as they come, and nothing is noted of it", async () => {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 1, w2: 1 });
  await carriers.submit(turn("a"));
  await carriers.end(await carriers.pull("w1", null));
  expect(await harness.redis.keys("*warm*")).toEqual([]);
  const number = await carriers.submit(turn("a"));
  expect((await carriers.pull("w2"))?.number).toBe(number);
});

test("a beginning that others share is left for a worker with half of its slots free, and spreads beyond that", async () => {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 4, w2: 4 });
  const next = () => carriers.submit(withBeginning("once "));
  await next();
  await carriers.run("w1");
  const claims: (Claim | null)[] = [];
  for (let i = 0; i < 2; i++) {
    await next();
    expect(await carriers.pull("w2")).toBeNull();
    claims.push(await carriers.pull("w1"));
  }
  const third = await next();
  expect(await carriers.run("w2")).toBe(third);
  // It stays where it was, though.
  await carriers.end(claims[0] ?? null);
  await next();
  expect(await carriers.pull("w2")).toBeNull();
});

test("of a worker no more sessions are noted than it has slots, and half as many beginnings: the latest", async () => {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 3 });
  const sessions = [turn("a"), turn("b"), turn("c"), turn("d")];
  const beginnings = [withBeginning("one "), withBeginning("two "), withBeginning("three ")];
  for (const request of [...beginnings, ...sessions]) {
    await carriers.submit(request);
    await carriers.run("w1");
  }
  await carriers.open({ w2: 3 });
  const isLeft = async (request: JobRequest) => {
    await carriers.submit(request);
    const claim = await carriers.pull("w2");
    if (claim === null) await carriers.run("w1");
    else await carriers.end(claim);
    return claim === null;
  };
  const left: boolean[] = [];
  for (const request of [...sessions, ...beginnings]) left.push(await isLeft(request));
  expect(left).toEqual([false, true, true, true, false, true, true]);
});

test("what a worker has not used for as long as it keeps sessions is forgotten with the next that it reads", async () => {
  const { redis } = harness;
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 3, w2: 3 });
  await carriers.submit(turn("a"));
  await carriers.run("w1");
  const [held = ""] = await redis.keys("*warm_at*");
  const [affinity = ""] = await redis.zrange(held, 0, "-1");
  await redis.zincrby(held, -KEPT_MS, affinity);
  await carriers.submit(turn("b"));
  await carriers.run("w1");
  const number = await carriers.submit(turn("a"));
  expect((await carriers.pull("w2"))?.number).toBe(number);
});

test("a carrier that changed hands is its new job's, also when its lock is lost, and its first job's is stale", async () => {
  const carriers = await warmed();
  const { w1, w2 } = await carriers.busy();
  const [a, b] = [await carriers.submit(turn("a")), await carriers.submit(turn("b"))];
  await carriers.end(w2[0] ?? null);
  const taken = await carriers.pull("w2");
  if (taken === null) throw new Error("it was left");
  expect([taken.number, carriers.number(taken.carrier.jobId)]).toEqual([b, a]);

  const again = await carriers.claim(taken.carrier, "w1");
  expect(again).toMatchObject({ outcome: "claimed", claim: { jobId: taken.jobId, attempt: 2, counts: { lost: 1 } } });
  await carriers.end(w1[0] ?? null);
  const other = await carriers.pull("w1");
  expect(other).toMatchObject({ number: a, carrier: { jobId: taken.jobId } });
  if (again.outcome !== "claimed" || other === null) throw new Error("not claimed");
  await carriers.end(again.claim);
  expect(await carriers.claim(taken.carrier, "w2")).toMatchObject({ outcome: "stale" });
  expect(await carriers.claim(other.carrier, "w2")).toMatchObject({ outcome: "claimed", claim: { jobId: other.jobId } });
});

test("a job that is cancelled after it changed carriers leaves none behind", async () => {
  const carriers = await warmed();
  const { w2 } = await carriers.busy();
  const a = await carriers.submit(turn("a"));
  await carriers.submit(turn("b"));
  await carriers.end(w2[0] ?? null);
  const taken = await carriers.pull("w2");
  const waits = taken?.carrier.jobId ?? "";
  expect(carriers.number(waits)).toBe(a);
  await harness.store.cancel({ id: waits, owner: "local" });
  const carrier = carriers.waiting.shift();
  expect(carrier?.jobId).toBe(taken?.jobId);
  expect(await carriers.claim(carrier ?? { jobId: "", run: 0 }, "w1")).toMatchObject({ outcome: "stale" });
  await carriers.end(taken);
  expect(await harness.redis.exists(`${harness.store.keys.base}carried`)).toBe(0);
});

const requestsOf = (random: Random): JobRequest =>
  random.pick([turn("a"), turn("b"), turn("c"), plain, withBeginning("one "), withBeginning("two ")]);

/** Runs the same jobs of three owners on two workers. @returns them in the order in which they were fed, and started */
async function walk(seed: number, keptMs: number | null): Promise<{ fed: number[]; started: number[] }> {
  const random = seededRandom(seed);
  await harness.redis.flushall();
  const carriers = new CarrierQueue(harness);
  for (let i = 0; i < 60; i++) {
    const [owner, priority] = [random.pick(["x", "y", "z"]), random.pick(["normal", "low"])];
    await carriers.submit(requestsOf(random), { owner, priority });
  }
  await carriers.open({ w1: 2, w2: 2 });
  const started: number[] = [];
  const running = { w1: [] as Claim[], w2: [] as Claim[] };
  while (carriers.waiting.length > 0) {
    const worker = random.pick(["w1", "w2"]);
    if (running[worker].length === 2) await carriers.end(running[worker].shift() ?? null);
    const claim = await carriers.pull(worker, keptMs);
    if (claim === null) continue;
    started.push(claim.number);
    running[worker].push(claim);
    expect(await brokenInvariants(harness.redis, harness.store.keys)).toEqual([]);
  }
  for (const claim of [...running.w1, ...running.w2]) await carriers.end(claim);
  return { fed: carriers.fed.map((id) => carriers.number(id)), started };
}

test.each([1, 2, 3])("what is fed, and in which order, does not depend on who has what (seed %i)", async (seed) => {
  const [blind, aware] = [await walk(seed, null), await walk(seed, KEPT_MS)];
  expect(aware.fed).toEqual(blind.fed);
  expect(blind.started).toEqual(blind.fed);
  expect(aware.started).not.toEqual(aware.fed);
  expect(aware.started.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, number) => number));
  // Four slots: a job starts so many places later at most.
  for (const [place, number] of aware.started.entries())
    expect(place - aware.fed.indexOf(number), `job ${number}`).toBeLessThanOrEqual(4);
});

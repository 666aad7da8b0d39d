import { expect, test } from "vitest";
import { CarrierQueue, KEPT_MS, plain, turn, warmedQueue } from "./carrier-queue.ts";
import { redisNow, useStore } from "./harness.ts";

const harness = useStore();
const warmed = (slots = 1) => warmedQueue(harness, slots);

/** Whether w2 leaves the next turn of a session for w1, which then runs it. */
async function isHeldByFirst(carriers: CarrierQueue, session: string): Promise<boolean> {
  await carriers.submit(turn(session));
  const claim = await carriers.pull("w2");
  await carriers.end(claim ?? (await carriers.pull("w1")));
  return claim === null;
}

test("a job that would take the slot of a session is left for a worker that has one to spare, a new session too", async () => {
  const carriers = await warmed();
  await carriers.open({ w3: 2 });
  for (const request of [plain, turn("c"), turn("d")]) {
    const number = await carriers.submit(request);
    expect(await carriers.pull("w1")).toBeNull();
    expect(await carriers.pull("w2")).toBeNull();
    expect(await carriers.run("w3")).toBe(number);
  }
  const next = await carriers.submit(turn("e"));
  expect(await carriers.run("w1")).toBe(next);
});

test("it runs where there is a slot beside those of sessions, whatever runs elsewhere, and forgets none", async () => {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 3, w2: 2 });
  await carriers.submit(turn("a"));
  await carriers.run("w1");
  for (const worker of ["w1", "w2"]) {
    await carriers.submit(plain);
    await carriers.pull(worker);
  }
  const number = await carriers.submit(plain);
  expect(await carriers.run("w1")).toBe(number);
  expect(await isHeldByFirst(carriers, "a")).toBe(true);
});

test("with every slot kept for a session or in use, it takes that of the session which is idle for longest, which is forgotten", async () => {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: 3, w2: 1 });
  await carriers.submit(turn("runs"));
  const running = await carriers.pull("w1");
  for (const session of ["idle", "latest"]) {
    await carriers.submit(turn(session));
    await carriers.run("w1");
  }
  await carriers.submit(plain);
  const beside = await carriers.pull("w2");
  const number = await carriers.submit(plain);
  expect(await carriers.run("w1")).toBe(number);
  await carriers.end(running);
  await carriers.end(beside);
  const held = { runs: true, latest: true, idle: false };
  for (const [session, is] of Object.entries(held)) expect(await isHeldByFirst(carriers, session), session).toBe(is);
});

/** Makes it some time since the last turn that a worker of `warmed` has had. */
async function letIdle(worker: string, ms: number): Promise<void> {
  const { redis } = harness;
  const [held = ""] = await redis.keys(`*warm_at*${worker}*`);
  const [affinity = ""] = await redis.zrange(held, 0, "-1");
  await redis.zincrby(held, -ms, affinity);
}

test("of kept slots, that of a session is taken which has been idle for long, on whichever worker", async () => {
  const carriers = await warmed();
  await letIdle("w2", 20_000);
  const number = await carriers.submit(plain);
  expect(await carriers.pull("w1")).toBeNull();
  expect(await carriers.run("w2")).toBe(number);
});

test.each([
  ["a second", 0, 1_500],
  ["twice as long", 10_000, 19_000],
])("it runs where it is when another has not been idle for %s, too", async (_what, here, elsewhere) => {
  const carriers = await warmed();
  await letIdle("w1", here);
  await letIdle("w2", elsewhere);
  const number = await carriers.submit(plain);
  expect(await carriers.run("w1")).toBe(number);
});

test("it runs where it is when the worker that has a slot to spare has not been heard of for a while", async () => {
  const carriers = await warmed();
  await carriers.open({ w3: 1 });
  const number = await carriers.submit(plain);
  expect(await carriers.pull("w1")).toBeNull();
  await harness.redis.hset(harness.store.keys.worker("w3"), "seen_ms", (await redisNow(harness.redis)) - 3_000);
  expect(await carriers.run("w1")).toBe(number);
});

test("a session keeps its slot for as long as its worker keeps it", async () => {
  const carriers = await warmed();
  await carriers.open({ w3: 1 });
  await letIdle("w1", KEPT_MS);
  const number = await carriers.submit(plain);
  expect(await carriers.pull("w2")).toBeNull();
  expect(await carriers.run("w1")).toBe(number);
});

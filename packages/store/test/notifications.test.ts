import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectRedis, Notifications } from "../src/index.ts";
import { done, newJobId, openSlots, start, submit, until, useStore } from "./harness.ts";

const harness = useStore();
let connection: Awaited<ReturnType<typeof connectRedis>>;
let notifications: Notifications;
beforeEach(async () => {
  connection = await connectRedis(harness.server.url, "blocking");
  notifications = new Notifications(connection, harness.store.keys);
});
afterEach(async () => {
  expect(notifications.size).toBe(0);
  await notifications.close();
});

const isOver = (job: { finished_at: string | null } | null) => job !== null && job.finished_at !== null;

/** Waits for a job's end and counts the readings. */
function watch(job: { id: string; owner: string }, waitMs = 20_000, signal?: AbortSignal) {
  const seen = { reads: 0, firstRead: Promise.withResolvers<void>() };
  const read = async () => {
    const value = await harness.store.getJob(job);
    seen.reads++;
    seen.firstRead.resolve();
    return value;
  };
  const ended = notifications.until(job.id, { read, done: isOver, waitMs, ...(signal === undefined ? {} : { signal }) });
  return { seen, ended };
}

const channels = async () => (await harness.redis.pubsub("CHANNELS", `${harness.store.keys.base}notify:*`)) as string[];

test("answers at once when there is nothing to wait for", async () => {
  const job = await submit(harness);
  await harness.store.cancel(job);
  const { ended, seen } = watch(job);
  expect(await ended).toMatchObject({ status: "cancelled" });
  expect(seen.reads).toBe(1);
});

test("wakes at each change and answers at the one that was waited for", async () => {
  await openSlots(harness, 1);
  const job = await submit(harness);
  const { ended, seen } = watch(job);
  await seen.firstRead.promise;
  const claimed = await harness.store.claim({ job_id: job.id, run: 1 }, "w1");
  await until(
    async () => seen.reads,
    (reads) => reads >= 2,
  );
  if (claimed.outcome !== "claimed") throw new Error("not claimed");
  await harness.store.finish(claimed.claim, done);
  expect(await ended).toMatchObject({ status: "succeeded" });
});

test("who waits for the end reads at the start and at the end, whatever happens in between", async () => {
  await openSlots(harness, 1);
  const job = await submit(harness);
  let reads = 0;
  const first = Promise.withResolvers<void>();
  const read = async () => {
    const value = await harness.store.getJob(job);
    reads += 1;
    first.resolve();
    return value;
  };
  const ended = notifications.until(job.id, { read, done: isOver, waitMs: 20_000, wakeOn: "end" });
  const everything = watch(job);
  await first.promise;
  const claimed = await harness.store.claim({ job_id: job.id, run: 1 }, "w1");
  if (claimed.outcome !== "claimed") throw new Error("not claimed");
  for (let k = 1; k <= 3; k++) await harness.store.append(claimed.claim, k, { tokens: [k], text: "a" });
  await harness.store.finish(claimed.claim, done);
  expect(await ended).toMatchObject({ status: "succeeded" });
  await everything.ended;
  expect(reads).toBe(2);
});

test("wakes all who wait for one job, and nobody else", async () => {
  await openSlots(harness, 2);
  const [job, other] = [await start(harness), await start(harness)];
  const waiting = [watch(job), watch(job), watch(job)];
  const bystander = watch(other);
  await Promise.all([...waiting, bystander].map(({ seen }) => seen.firstRead.promise));
  expect(notifications.size).toBe(2);
  await harness.store.finish(job.claim, done);
  for (const { ended } of waiting) expect(await ended).toMatchObject({ status: "succeeded" });
  expect(bystander.seen.reads).toBe(1);
  await harness.store.finish(other.claim, done);
  await bystander.ended;
});

test("misses no change that falls between subscribing and reading", async () => {
  await openSlots(harness, 20);
  const jobs = [];
  for (let i = 0; i < 20; i++) jobs.push(await start(harness));
  const ends = jobs.map((job) => watch(job).ended);
  await Promise.all(jobs.map((job) => harness.store.finish(job.claim, done)));
  for (const end of ends) expect(await end).toMatchObject({ status: "succeeded" });
});

test("gives the last reading when the time is up", async () => {
  const job = await submit(harness);
  expect(await watch(job, 30).ended).toMatchObject({ status: "queued" });
  expect(await watch(job, 0).ended).toMatchObject({ status: "queued" });
});

test("gives the last reading when the caller has gone", async () => {
  const job = await submit(harness);
  const caller = new AbortController();
  const { ended, seen } = watch(job, 20_000, caller.signal);
  await seen.firstRead.promise;
  caller.abort();
  expect(await ended).toMatchObject({ status: "queued" });
  expect(await watch(job, 20_000, AbortSignal.abort()).ended).toMatchObject({ status: "queued" });
});

test("reads again after a while without a hint", async () => {
  const job = await submit(harness);
  const { ended, seen } = watch(job);
  await seen.firstRead.promise;
  await harness.redis.hset(harness.store.keys.job(job.id), "finished_ms", 1);
  expect(await ended).toMatchObject({ finished_at: "1970-01-01T00:00:00.001Z" });
  await harness.redis.hdel(harness.store.keys.job(job.id), "finished_ms");
});

test("leaves nothing behind when reading fails", async () => {
  const failing = notifications.until(newJobId(), {
    read: () => Promise.reject(new Error("no")),
    done: () => true,
    waitMs: 20_000,
  });
  await expect(failing).rejects.toThrow("no");
});

test("gives its channel up with the last waiter and takes it again for the next", async () => {
  const job = await submit(harness);
  const first = watch(job, 20);
  await first.seen.firstRead.promise;
  expect(await channels()).toHaveLength(1);
  await first.ended;
  await until(channels, (all) => all.length === 0);
  const second = watch(job);
  await second.seen.firstRead.promise;
  expect(await channels()).toHaveLength(1);
  await harness.store.cancel(job);
  expect(await second.ended).toMatchObject({ status: "cancelled" });
});

describe("when its connection breaks", () => {
  const kill = () => harness.redis.call("CLIENT", "KILL", "TYPE", "pubsub");

  test("reads again once it is back", async () => {
    const job = await submit(harness);
    const { ended, seen } = watch(job);
    await seen.firstRead.promise;
    await kill();
    await harness.redis.hset(harness.store.keys.job(job.id), "finished_ms", 1);
    await until(
      async () => seen.reads,
      (reads) => reads >= 2,
      4_000,
    );
    await ended;
    await harness.redis.hdel(harness.store.keys.job(job.id), "finished_ms");
  });

  test("hears later changes again", async () => {
    const job = await submit(harness);
    const { ended, seen } = watch(job);
    await seen.firstRead.promise;
    await kill();
    await until(
      async () => seen.reads,
      (reads) => reads >= 2,
      4_000,
    );
    const startedAt = Date.now();
    await harness.store.cancel(job);
    expect(await ended).toMatchObject({ status: "cancelled" });
    expect(Date.now() - startedAt).toBeLessThan(3_000);
  });

  test("still ends a wait in time while Redis is away", async () => {
    const own = await connectRedis(harness.server.url, "blocking");
    const waiting = new Notifications(own, harness.store.keys);
    own.disconnect(true);
    const read = async () => "nothing yet";
    expect(await waiting.until(newJobId(), { read, done: () => false, waitMs: 50 })).toBe("nothing yet");
    expect(waiting.size).toBe(0);
    await waiting.close();
  });
});

test("a reading that hangs ends with its wait", async () => {
  const job = await submit(harness);
  const reading = () => new Promise<never>(() => {});
  const startedAt = performance.now();
  const ended = notifications.until(job.id, { read: reading, done: () => true, waitMs: 100 });
  await expect(ended).rejects.toMatchObject({ code: "redis_unavailable", retryable: true });
  expect(performance.now() - startedAt).toBeGreaterThan(599);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("closing wakes who has subscribed, without Redis", async () => {
  let wakes = 0;
  const { subscribed, release } = notifications.subscribe(newJobId(), () => void wakes++, "end");
  await subscribed;
  expect([wakes, notifications.isClosed]).toEqual([0, false]);
  const closed = notifications.close();
  expect([wakes, notifications.isClosed]).toEqual([1, true]);
  release();
  await closed;
});

test("closing ends the waits without a hint", async () => {
  const job = await submit(harness);
  const { ended, seen } = watch(job, 200);
  await seen.firstRead.promise;
  await notifications.close();
  expect(await ended).toMatchObject({ status: "queued" });
});

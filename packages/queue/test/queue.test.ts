import { type Carrier, carrierId } from "@llamero/core";
import { connectRedis, type FedJob } from "@llamero/store";
import { expect, test } from "vitest";
import { type Consumer, repairWindow } from "../src/index.ts";
import { inferenceQueue } from "../src/queue-names.ts";
import { openQueue, SLUG } from "./harness.ts";

/** Collects carriers and resolves when `count` have come. */
function collector(count: number) {
  const carriers: Carrier[] = [];
  const { promise: all, resolve } = Promise.withResolvers<Carrier[]>();
  const handle = async (carrier: Carrier) => {
    carriers.push(carrier);
    if (carriers.length === count) resolve(carriers);
    return "done" as const;
  };
  return { carriers, all, handle };
}

test("a fed job's carrier reaches a consumer and holds nothing but the way to its record", async () => {
  await using queue = await openQueue();
  const { all, handle } = collector(1);
  await queue.consume(handle);
  const id = await queue.submit();
  expect(await all).toEqual([{ v: 1, job_id: id, run: 1 }]);
});

test("adding a carrier twice adds it once", async () => {
  await using queue = await openQueue();
  const first = await queue.submit();
  const again: FedJob = { jobId: first, run: 1, slug: SLUG, priority: "normal" };
  await queue.carriers.add([again, again]);
  const second = await queue.submit();
  const { all, handle } = collector(2);
  await queue.consume(handle);
  expect((await all).map((carrier) => carrier.job_id)).toEqual([first, second]);
});

test("a carrier that was never added is found missing and replaced", async () => {
  await using queue = await openQueue();
  const id = await queue.submit(false);
  const entry: FedJob = { jobId: id, run: 1, slug: SLUG, priority: "normal" };
  expect(await queue.carriers.missing([entry])).toEqual([entry]);

  const redis = await connectRedis(queue.server.url, "commands");
  await redis.zincrby(queue.store.keys.window(SLUG), -60_000, id);
  redis.disconnect();
  expect(await repairWindow(queue.store, queue.carriers, SLUG)).toBe(1);
  expect(await queue.carriers.missing([entry])).toEqual([]);
  expect(await repairWindow(queue.store, queue.carriers, SLUG)).toBe(0);
});

test("a running job whose carrier is gone goes back to its queue and is fed again", async () => {
  await using queue = await openQueue();
  const id = await queue.submit(false);
  await queue.store.claim({ job_id: id, run: 1 }, "wrk_gone");
  const redis = await connectRedis(queue.server.url, "commands");
  await redis.zincrby(queue.store.keys.window(SLUG), -60_000, id);
  redis.disconnect();
  expect(await repairWindow(queue.store, queue.carriers, SLUG)).toBe(1);
  expect(await queue.store.getJob({ id, owner: "local" })).toMatchObject({ status: "queued", attempts: 1 });
  expect(await queue.carriers.missing([{ jobId: id, run: 2, slug: SLUG, priority: "normal" }])).toEqual([]);
});

test("of jobs that changed carriers, the carrier that each has now is replaced, and a lost job is known by its own id", async () => {
  await using queue = await openQueue();
  const { store, carriers } = queue;
  const [w1, w2] = ["wrk_test", "wrk_other"];
  for (const workerId of [w1, w2]) await store.beat({ workerId, host: "here", pid: 1, slots: [{ slug: SLUG, slots: 1 }] });
  const claim = async (id: string, workerId: string, keptMs: number | null = 60_000) => {
    const result = await store.claim({ job_id: id, run: 1 }, workerId, { keptMs });
    if (result.outcome !== "claimed") throw new Error(result.outcome);
    return result.claim;
  };
  const done = { status: "succeeded", result: { text: "yes", finish_reason: "stop" }, completionTokens: 1 } as const;
  await store.finish(await claim(await queue.submit(false, "a"), w2), done);
  const [busy] = [await claim(await queue.submit(), w1), await claim(await queue.submit(), w2, null)];
  const [turn, other] = [await queue.submit(false, "a"), await queue.submit(false)];
  await store.finish(busy, done);
  expect((await claim(turn, w1)).jobId).toBe(other);

  const redis = await connectRedis(queue.server.url, "commands");
  for (const id of [turn, other]) await redis.zincrby(store.keys.window(SLUG), -60_000, id);
  redis.disconnect();
  expect(await repairWindow(store, carriers, SLUG)).toBe(2);
  expect(await store.getJob({ id: other, owner: "local" })).toMatchObject({ status: "queued", attempts: 1 });
  const fed = (jobId: string, run: number): FedJob => ({ jobId, run, slug: SLUG, priority: "normal" });
  // The turn waits under the other's first carrier, and the other under its second.
  expect(await carriers.missing([fed(other, 1), fed(other, 2)])).toEqual([]);
  expect((await claim(other, w2)).jobId).toBe(turn);
});

test("a carrier whose handler fails is dropped and reported; the consumer goes on", async () => {
  await using queue = await openQueue();
  const failure = Promise.withResolvers<Error>();
  const second = Promise.withResolvers<void>();
  let calls = 0;
  await queue.consume(async () => {
    calls += 1;
    if (calls === 1) throw new Error("broken");
    second.resolve();
    return "done";
  }, failure.resolve);
  const id = await queue.submit();
  expect((await failure.promise).message).toBe("broken");
  expect(await queue.carriers.missing([{ jobId: id, run: 1, slug: SLUG, priority: "normal" }])).toHaveLength(1);
  await queue.submit();
  await second.promise;
});

test("a consumer rests when Redis refuses its pulls, and goes on when it no longer does", async () => {
  await using queue = await openQueue();
  const id = await queue.submit();
  const admin = await connectRedis(queue.server.url, "commands");
  await admin.config("SET", "maxmemory", "1");

  const refusals: number[] = [];
  const refusedTwice = Promise.withResolvers<void>();
  const { all, handle } = collector(1);
  await queue.consume(handle, () => {
    if (refusals.push(performance.now()) === 2) refusedTwice.resolve();
  });
  await refusedTwice.promise;
  expect((refusals[1] ?? 0) - (refusals[0] ?? 0)).toBeGreaterThan(900);
  await admin.config("SET", "maxmemory", "0");
  expect(await all).toMatchObject([{ job_id: id }]);
  admin.disconnect();
});

test("pulling goes on by itself after Redis has been killed and is back, with what was waiting", async () => {
  await using queue = await openQueue();
  const { all, handle } = collector(2);
  await queue.consume(handle);
  const first = await queue.submit();
  await queue.server.restart();
  const second = await queue.submit();
  expect((await all).map((carrier) => carrier.job_id)).toEqual(expect.arrayContaining([first, second]));
});

test("a carrier that is put back reaches whoever pulls next; a consumer on hold pulls nothing until it is released", async () => {
  await using queue = await openQueue();
  const refusals: Carrier[] = [];
  const refused = Promise.withResolvers<void>();
  const full: Consumer = await queue.consume(async (carrier) => {
    refusals.push(carrier);
    full.hold();
    refused.resolve();
    return "put_back";
  });
  const id = await queue.submit();
  await refused.promise;
  const { all, handle } = collector(1);
  await queue.consume(handle);
  expect(await all).toMatchObject([{ job_id: id }]);
  expect(refusals).toHaveLength(1);
});

test("a carrier that is left is there for others at once, and for the consumer that left it when its time is over", async () => {
  await using queue = await openQueue();
  const { all, handle } = collector(1);
  const pulls: number[] = [];
  const again = Promise.withResolvers<void>();
  await queue.consume(async () => {
    // Once for each of its places, and then not before the first of them is free.
    if (pulls.push(performance.now()) === 3) again.resolve();
    return { leftForMs: 1_000 };
  });
  const id = await queue.submit();
  await again.promise;
  const [first = 0, , third = 0] = pulls;
  expect(third - first).toBeGreaterThan(990);
  await queue.consume(handle);
  expect(await all).toMatchObject([{ job_id: id }]);
  expect(performance.now() - third).toBeLessThan(900);
});

test("a consumer that is released pulls again", async () => {
  await using queue = await openQueue();
  const { all, handle } = collector(1);
  const consumer = await queue.consume(handle);
  consumer.hold();
  const id = await queue.submit();
  consumer.release();
  expect(await all).toMatchObject([{ job_id: id }]);
});

test("a lost lock hands the carrier to another consumer, and the first one goes on with the next", async () => {
  await using queue = await openQueue();
  const redis = await connectRedis(queue.server.url, "commands");
  const taken: Carrier[] = [];
  const second = Promise.withResolvers<void>();
  const third = Promise.withResolvers<Carrier>();
  await queue.consume(async (carrier) => {
    taken.push(carrier);
    if (taken.length === 1) {
      // As after a partition: somebody else holds the lock now, and then nobody.
      const lock = `${queue.store.keys.queues}:inference.${SLUG}:${carrierId(carrier)}:lock`;
      expect(await redis.set(lock, "somebody", "PX", 100)).toBe("OK");
      await second.promise;
    } else if (taken.length === 2) second.resolve();
    else third.resolve(carrier);
    return "done";
  });
  const id = await queue.submit();
  await second.promise;
  expect(taken.map((carrier) => carrier.job_id)).toEqual([id, id]);
  const next = await queue.submit();
  expect(await third.promise).toMatchObject({ job_id: next });
  redis.disconnect();
});

test("a lock that is lost is told, the consumer goes on, and the carrier comes again", async () => {
  await using queue = await openQueue();
  const lost = Promise.withResolvers<Carrier>();
  const again = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<"done">();
  const errors: Error[] = [];
  let id = "";
  let comings = 0;
  await queue.consume(
    async (carrier) => {
      if (carrier.job_id !== id) other.resolve();
      else if (++comings === 1) return ended.promise;
      else again.resolve();
      return "done";
    },
    (error) => errors.push(error),
    lost.resolve,
  );
  id = await queue.submit();
  const redis = await connectRedis(queue.server.url, "commands");
  const lock = `${queue.store.keys.queues}:${inferenceQueue(SLUG, "steady")}:${carrierId({ job_id: id, run: 1 })}:lock`;
  while ((await redis.del(lock)) === 0);
  redis.disconnect();
  expect(await lost.promise).toEqual({ v: 1, job_id: id, run: 1 });
  await queue.submit();
  await other.promise;
  await again.promise;
  expect(errors).toEqual([]);
  ended.resolve("done");
});

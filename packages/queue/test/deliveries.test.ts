import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import { connectRedis, createOutbox, createStore } from "@llamero/store";
import { startRedis } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { DeliveryCarriers, DeliveryConsumer, repairDeliveries } from "../src/index.ts";

async function open() {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "worker");
  const pulls = await connectRedis(server.url, "blocking");
  const store = createStore({ redis, prefix: "test" });
  const carriers = new DeliveryCarriers({ connection: redis, keys: store.keys });
  const consumers: DeliveryConsumer[] = [];
  const pulled: string[] = [];
  const pulledOne = Promise.withResolvers<void>();
  return {
    ...{ redis, store, carriers, pulled, pulledOne: pulledOne.promise },
    consume: (fails = false) => {
      const handle = async (carrier: { delivery_id: string; round: number }) => {
        pulled.push(`${carrier.delivery_id} ${carrier.round}`);
        pulledOne.resolve();
        if (fails) throw new Error("no luck");
      };
      const consumer = new DeliveryConsumer({ connection: pulls, keys: store.keys, concurrency: 2, handle, onError: () => {} });
      consumers.push(consumer);
      consumer.start(() => {});
      return consumer;
    },
    [Symbol.asyncDispose]: async () => {
      for (const consumer of consumers) await consumer.close();
      await carriers.close();
      redis.disconnect();
      pulls.disconnect();
      await server.close();
    },
  };
}

/** Stores a job that has ended and opens the delivery of its event. */
async function openDelivery({ redis, store }: Awaited<ReturnType<typeof open>>) {
  const job = { id: newId("job", { now: Date.now, randomBytes, cell: 0 }), owner: "local" };
  const request = { v: 1, type: "completion", prompt: "hello", params: { seed: 1 } } as const;
  const none = { runAtMs: null, deadlineMs: null, idempotency: null, metadata: null, retryOf: null };
  const webhook = { url: "https://one.example/", secret: null, events: ["job.cancelled"], payload: "thin" } as const;
  await store.accept({ ...job, slug: "tiny", request, ...none, webhook });
  await store.cancel(job);
  const outbox = createOutbox(redis, store.keys, "d1");
  await outbox.open();
  const [found] = await store.webhooks.targetsOf(await outbox.read(10, 10));
  const [target] = found?.targets ?? [];
  const due = found && target && (await store.webhooks.openDelivery(found.event, target));
  if (!due) throw new Error("the event has a target");
  return due;
}

test("a carrier that is added twice is pulled once; another round is another carrier", async () => {
  await using queue = await open();
  const due = { deliveryId: "dlv_1", round: 1, delayMs: 0 };
  await queue.carriers.add([due, due]);
  await queue.carriers.add([due, { ...due, round: 2, delayMs: 50 }]);
  expect(await queue.carriers.missing([due, { ...due, round: 3 }])).toEqual([{ ...due, round: 3 }]);
  const consumer = queue.consume();
  await queue.pulledOne;
  while (queue.pulled.length < 2) await queue.redis.ping();
  await consumer.close();
  expect(queue.pulled).toEqual(["dlv_1 1", "dlv_1 2"]);
});

test("a handler that fails drops the carrier: the record brings another", async () => {
  await using queue = await open();
  const due = await openDelivery(queue);
  await queue.carriers.add([due]);
  const consumer = queue.consume(true);
  await queue.pulledOne;
  await consumer.close();
  expect(await queue.carriers.missing([due])).toEqual([due]);
});

test("the repair adds a carrier only to a delivery that is late and has none", async () => {
  await using queue = await open();
  const { store, carriers, redis } = queue;
  const [lost, carried] = [await openDelivery(queue), await openDelivery(queue)];
  await carriers.add([carried]);
  expect(await repairDeliveries(store, carriers)).toBe(0);
  for (const { deliveryId } of [lost, carried]) await redis.zadd(store.keys.deliveriesDue, 1, deliveryId);
  expect(await repairDeliveries(store, carriers)).toBe(1);
  expect(await repairDeliveries(store, carriers)).toBe(0);
  expect(await carriers.missing([lost])).toEqual([]);
});

test.each([3_600_000, -3_600_000])("a delay is kept by a process whose clock is wrong by %i ms", async (wrongByMs) => {
  await using queue = await open();
  const [seconds] = await queue.redis.time();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + wrongByMs });
  try {
    await queue.carriers.add([{ deliveryId: "dlv_1", round: 1, delayMs: 60_000, fromMs: Number(seconds) * 1_000 }]);
  } finally {
    vi.useRealTimers();
  }
  const [, score] = await queue.redis.zrange(`${queue.store.keys.queues}:deliveries:delayed`, 0, "-1", "WITHSCORES");
  // BullMQ keeps a delay as milliseconds, with twelve bits for the order behind it.
  expect(Math.floor(Number(score) / 4_096)).toBe(Number(seconds) * 1_000 + 60_000);
});

test("the repair brings up a late delivery whose carrier still waits", async () => {
  await using queue = await open();
  const { store, carriers, redis } = queue;
  const due = await openDelivery(queue);
  await carriers.add([{ ...due, delayMs: 3_600_000, fromMs: Date.now() }]);
  await redis.zadd(store.keys.deliveriesDue, 1, due.deliveryId);
  queue.consume();
  expect(await repairDeliveries(store, carriers)).toBe(0);
  await queue.pulledOne;
  expect(queue.pulled).toEqual([`${due.deliveryId} ${due.round}`]);
});

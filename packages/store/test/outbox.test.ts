import { startRedis } from "@llamero/testkit";
import { afterEach, expect, test } from "vitest";
import { connectRedis, createOutbox, type Outbox } from "../src/index.ts";
import { done, openSlots, start, submit, useStore } from "./harness.ts";

const harness = useStore();
const opened: { disconnect(): void }[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.disconnect();
});

async function dispatcher(name: string): Promise<Outbox> {
  const connection = await connectRedis(harness.server.url, "blocking");
  opened.push(connection);
  const outbox = createOutbox(connection, harness.store.keys, name);
  await outbox.open();
  return outbox;
}

async function pending(): Promise<number> {
  const [count] = (await harness.redis.xpending(harness.store.keys.outbox, "dispatchers")) as [number];
  return count;
}

test("gives the events from before its group, in order, with owner and job", async () => {
  await openSlots(harness, 1);
  const job = await start(harness, { owner: "alice" });
  await harness.store.finish(job.claim, done);
  const outbox = await dispatcher("d1");
  const events = await outbox.read(10, 10);
  expect(events).toEqual([
    { id: expect.any(String), type: "job.started", jobId: job.id, owner: "alice", due: null, batchId: "" },
    { id: expect.any(String), type: "job.succeeded", jobId: job.id, owner: "alice", due: null, batchId: "" },
  ]);
});

test("wakes a reader that waits", async () => {
  const outbox = await dispatcher("d1");
  const reading = outbox.read(10, 20_000);
  const job = await submit(harness);
  await harness.store.cancel(job);
  expect((await reading).map((event) => event.type)).toEqual(["job.cancelled"]);
});

test("gives nothing when the wait is over", async () => {
  expect(await (await dispatcher("d1")).read(10, 1)).toEqual([]);
});

test("gives each event to one dispatcher, and keeps it until it is acknowledged", async () => {
  const { redis, store } = harness;
  for (let i = 0; i < 6; i++) await store.cancel(await submit(harness));
  const [a, b] = [await dispatcher("a"), await dispatcher("b")];
  const first = await a.read(4, 10);
  const second = await b.read(4, 10);
  expect([first.length, second.length, new Set([...first, ...second].map((event) => event.id)).size]).toEqual([4, 2, 6]);
  expect(await pending()).toBe(6);
  await a.acknowledge(first.map((event) => event.id));
  expect(await pending()).toBe(2);
  expect(await redis.xlen(store.keys.outbox)).toBe(2);
  await a.acknowledge([]);
  await b.acknowledge(second.map((event) => event.id));
  expect(await redis.xlen(store.keys.outbox)).toBe(0);
});

test("hands the events of a dispatcher that died to another, under the same ids", async () => {
  for (let i = 0; i < 3; i++) await harness.store.cancel(await submit(harness));
  const dead = await (await dispatcher("dead")).read(10, 10);
  opened.shift()?.disconnect();
  const heir = await dispatcher("heir");
  expect(await heir.read(10, 1)).toEqual([]);
  expect(await heir.adopt(10, 60_000)).toEqual([]);
  const adopted = await heir.adopt(10, 0);
  expect(adopted).toEqual(dead);
  await heir.acknowledge(adopted.map((event) => event.id));
  expect(await heir.adopt(10, 0)).toEqual([]);
});

test("gives what it gave and nobody acknowledged again, to the same dispatcher alone", async () => {
  for (let i = 0; i < 3; i++) await harness.store.cancel(await submit(harness));
  const [one, other] = [await dispatcher("one"), await dispatcher("other")];
  expect(await one.readAgain(10)).toEqual([]);
  const events = await one.read(10, 10);
  expect(await one.readAgain(10)).toEqual(events);
  expect(await one.readAgain(2)).toEqual(events.slice(0, 2));
  expect(await other.readAgain(10)).toEqual([]);
  await one.acknowledge(events.map((event) => event.id));
  expect(await one.readAgain(10)).toEqual([]);
});

test("gives a reading up that Redis does not answer, and goes on when it does again", async () => {
  const server = await startRedis();
  const connection = await connectRedis(server.url, "blocking");
  try {
    const outbox = createOutbox(connection, harness.store.keys, "d1");
    await outbox.open();
    server.process.kill("SIGSTOP");
    await expect(outbox.read(1, 10)).rejects.toMatchObject({ code: "redis_unavailable" });
    server.process.kill("SIGCONT");
    expect(await outbox.read(1, 10)).toEqual([]);
  } finally {
    server.process.kill("SIGCONT");
    connection.disconnect();
    await server.close();
  }
});

test("opens again and again, and goes on by itself after Redis has lost the group", async () => {
  const outbox = await dispatcher("d1");
  await outbox.open();
  await harness.redis.del(harness.store.keys.outbox);
  expect(await outbox.read(1, 1)).toEqual([]);
  await harness.store.cancel(await submit(harness));
  expect(await outbox.read(1, 1)).toHaveLength(1);
  await harness.redis.del(harness.store.keys.outbox);
  expect(await outbox.adopt(1, 0)).toEqual([]);
});

import { expect, test } from "vitest";
import { type Slot, SlotPool } from "./slot-pool.ts";

const slot = (index: number, prefix: number, group = 0): Slot => ({
  index,
  group,
  cachedPrefix: () => prefix,
  setRunning: () => {},
});
const never = new AbortController().signal;

test("gives the free slot with the longest common prefix", async () => {
  const pool = new SlotPool([slot(0, 1), slot(1, 5), slot(2, 3)]);
  const given = [await pool.acquire([], never), await pool.acquire([], never), await pool.acquire([], never)];
  expect(given.map((s) => s?.index)).toEqual([1, 2, 0]);
});

test("takes the least recently used of equal slots", async () => {
  const pool = new SlotPool([slot(0, 2), slot(1, 2)]);
  const first = await pool.acquire([], never);
  if (first !== null) pool.release(first);
  expect((await pool.acquire([], never))?.index).toBe(1);
});

test("serves waiting tasks in the order they came", async () => {
  const only = slot(0, 0);
  const pool = new SlotPool([only]);
  await pool.acquire([], never);
  const order: string[] = [];
  const waiting = ["a", "b"].map((name) =>
    pool.acquire([], never).then(() => {
      order.push(name);
      pool.release(only);
    }),
  );
  pool.release(only);
  await Promise.all(waiting);
  expect(order).toEqual(["a", "b"]);
});

test("lets a waiting task go when it is stopped, and gives its turn to the next", async () => {
  const only = slot(0, 0);
  const pool = new SlotPool([only]);
  await pool.acquire([], never);
  const stop = new AbortController();
  const stopped = pool.acquire([], stop.signal);
  const next = pool.acquire([], never);
  stop.abort("cancelled");
  expect(await stopped).toBeNull();
  pool.release(only);
  expect((await next)?.index).toBe(0);
});

test("gives no slot to a task that is stopped already", async () => {
  expect(await new SlotPool([slot(0, 0)]).acquire([], AbortSignal.abort("deadline"))).toBeNull();
});

test("spreads tasks over the contexts", async () => {
  const pool = new SlotPool([slot(0, 3, 0), slot(1, 3, 0), slot(2, 3, 1), slot(3, 3, 1)]);
  const groups = [await pool.acquire([], never), await pool.acquire([], never), await pool.acquire([], never)].map(
    (s) => s?.group,
  );
  expect(groups.slice(0, 2).sort()).toEqual([0, 1]);
});

test("goes to the fuller context for a prefix that is worth it, and not for what a template puts before every prompt", async () => {
  const warm = new SlotPool([slot(0, 200, 0), slot(1, 100, 0), slot(2, 0, 1)]);
  expect((await warm.acquire([], never))?.index).toBe(0);
  expect((await warm.acquire([], never))?.index).toBe(1);
  const template = new SlotPool([slot(0, 9, 0), slot(1, 9, 0), slot(2, 4, 1)]);
  expect((await template.acquire([], never))?.index).toBe(0);
  expect((await template.acquire([], never))?.index).toBe(2);
});

test("a slot that is handed on goes on running; one that is not rests", async () => {
  const log: boolean[] = [];
  const only: Slot = { ...slot(0, 0), setRunning: (running) => log.push(running) };
  const pool = new SlotPool([only]);
  await pool.acquire([], never);
  const next = pool.acquire([], never);
  pool.release(only);
  await next;
  expect(log).toEqual([true]);
  pool.release(only);
  expect(log).toEqual([true, false]);
});

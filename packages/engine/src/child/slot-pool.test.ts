import { expect, test } from "vitest";
import { type Slot, SlotPool } from "./slot-pool.ts";

const slot = (index: number, prefix: number): Slot => ({ index, cachedPrefix: () => prefix });
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

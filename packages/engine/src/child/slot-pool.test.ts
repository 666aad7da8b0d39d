import { expect, test } from "vitest";
import { type Slot, SlotPool, type SlotWish } from "./slot-pool.ts";

const slot = (index: number, prefix: number, group = 0): Slot => ({
  index,
  group,
  isEmpty: false,
  cachedPrefix: () => prefix,
  setRunning: () => {},
});
const never = new AbortController().signal;
const any: SlotWish = { prompt: [], adapter: null, isUrgent: false, session: null };

test("gives the free slot with the longest common prefix", async () => {
  const pool = new SlotPool([slot(0, 1), slot(1, 5), slot(2, 3)]);
  const given = [await pool.acquire(any, never), await pool.acquire(any, never), await pool.acquire(any, never)];
  expect(given.map((s) => s?.index)).toEqual([1, 2, 0]);
});

test("takes the least recently used of equal slots", async () => {
  const pool = new SlotPool([slot(0, 2), slot(1, 2)]);
  const first = await pool.acquire(any, never);
  if (first !== null) pool.release(first);
  expect((await pool.acquire(any, never))?.index).toBe(1);
});

test("serves waiting tasks in the order they came", async () => {
  const only = slot(0, 0);
  const pool = new SlotPool([only]);
  await pool.acquire(any, never);
  const order: string[] = [];
  const waiting = ["a", "b"].map((name) =>
    pool.acquire(any, never).then(() => {
      order.push(name);
      pool.release(only);
    }),
  );
  pool.release(only);
  await Promise.all(waiting);
  expect(order).toEqual(["a", "b"]);
});

test("serves urgent tasks before others, but for one slot in eight", async () => {
  const only = slot(0, 0);
  const pool = new SlotPool([only]);
  await pool.acquire(any, never);
  const order: string[] = [];
  const want = (name: string) =>
    pool.acquire({ ...any, isUrgent: name === "urgent" }, never).then(() => {
      order.push(name);
      pool.release(only);
    });
  const names = ["a", "b", "c", ...Array.from({ length: 16 }, () => "urgent")];
  const waiting = names.map(want);
  pool.release(only);
  await Promise.all(waiting);
  const seven = Array.from({ length: 7 }, () => "urgent");
  expect(order).toEqual([...seven, "a", ...seven, "b", "urgent", "urgent", "c"]);
});

test("lets a waiting task go when it is stopped, and gives its turn to the next", async () => {
  const only = slot(0, 0);
  const pool = new SlotPool([only]);
  await pool.acquire(any, never);
  const stop = new AbortController();
  const stopped = pool.acquire(any, stop.signal);
  const next = pool.acquire(any, never);
  stop.abort("cancelled");
  expect(await stopped).toBeNull();
  pool.release(only);
  expect((await next)?.index).toBe(0);
});

test("gives no slot to a task that is stopped already", async () => {
  expect(await new SlotPool([slot(0, 0)]).acquire(any, AbortSignal.abort("deadline"))).toBeNull();
});

test("spreads tasks over the contexts", async () => {
  const pool = new SlotPool([slot(0, 3, 0), slot(1, 3, 0), slot(2, 3, 1), slot(3, 3, 1)]);
  const groups = [await pool.acquire(any, never), await pool.acquire(any, never), await pool.acquire(any, never)].map(
    (s) => s?.group,
  );
  expect(groups.slice(0, 2).sort()).toEqual([0, 1]);
});

test("goes to the fuller context for a prefix that is worth it, and not for what a template puts before every prompt", async () => {
  const warm = new SlotPool([slot(0, 200, 0), slot(1, 100, 0), slot(2, 0, 1)]);
  expect((await warm.acquire(any, never))?.index).toBe(0);
  expect((await warm.acquire(any, never))?.index).toBe(1);
  const template = new SlotPool([slot(0, 9, 0), slot(1, 9, 0), slot(2, 4, 1)]);
  expect((await template.acquire(any, never))?.index).toBe(0);
  expect((await template.acquire(any, never))?.index).toBe(2);
});

test("a slot that is handed on goes on running; one that is not rests", async () => {
  const log: boolean[] = [];
  const only: Slot = { ...slot(0, 0), setRunning: (running) => log.push(running) };
  const pool = new SlotPool([only]);
  await pool.acquire(any, never);
  const next = pool.acquire(any, never);
  pool.release(only);
  await next;
  expect(log).toEqual([true]);
  pool.release(only);
  expect(log).toEqual([true, false]);
});

/** A pool of full groups of two slots, whose tasks want what `wants` says of them; time stands still unless it is moved. */
function variedPool(groups: number) {
  let nowMs = 0;
  const slots = Array.from({ length: groups * 2 }, (_, index) => slot(index, 0, Math.floor(index / 2)));
  const pool = new SlotPool(slots, { now: () => nowMs });
  const given: string[] = [];
  const held = new Map<string, Slot>();
  const want = (name: string, signal = never) =>
    pool.acquire({ ...any, adapter: name.slice(0, 1) }, signal).then((got) => {
      if (got === null) return;
      given.push(name);
      held.set(name, got);
    });
  const end = async (name: string) => {
    const slot = held.get(name);
    if (slot === undefined) throw new Error(`${name} has no slot`);
    pool.release(slot);
    await Promise.resolve();
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { want, end, pass, given };
}

test("the slots of a context run one adapter at a time; it changes when the last of them ends", async () => {
  const { want, end, given } = variedPool(1);
  const [a1, _b1, _b2, a2] = [want("a1"), want("b1"), want("b2"), want("a2")];
  await Promise.all([a1, a2]);
  expect(given).toEqual(["a1", "a2"]);
  await end("a1");
  expect(given).toEqual(["a1", "a2"]);
  await end("a2");
  expect(given).toEqual(["a1", "a2", "b1", "b2"]);
});

test("another adapter takes another context, where one is free", async () => {
  const { want, given } = variedPool(2);
  await Promise.all([want("a1"), want("b1"), want("b2"), want("a2")]);
  expect(given).toEqual(["a1", "b1", "b2", "a2"]);
});

test("within a turn others of the same adapter go on; after it the context empties for who waits for another", async () => {
  const { want, end, pass, given } = variedPool(1);
  await Promise.all([want("a1"), want("a2")]);
  const later = [want("b1"), want("a3"), want("a4")];
  await end("a1");
  expect(given.slice(2)).toEqual(["a3"]);
  pass(2_000);
  await end("a2");
  expect(given.slice(2)).toEqual(["a3"]);
  await end("a3");
  expect(given.slice(2)).toEqual(["a3", "b1"]);
  await end("b1");
  await Promise.all(later);
  expect(given.slice(2)).toEqual(["a3", "b1", "a4"]);
});

test("one context empties for who waits for another adapter, and the others go on", async () => {
  const { want, end, pass, given } = variedPool(2);
  await Promise.all([want("a1"), want("a2"), want("a3"), want("a4")]);
  pass(2_000);
  void want("b1");
  void want("a5");
  void want("b2");
  for (const name of ["a1", "a2", "a3", "a4"]) await end(name);
  expect(given.slice(4)).toEqual(["a5", "b1", "b2"]);
});

test("no context empties for who waits for an adapter that another context serves", async () => {
  const { want, end, pass, given } = variedPool(2);
  await Promise.all([want("a1"), want("b1"), want("a2"), want("b2")]);
  pass(2_000);
  void want("b3");
  void want("a3");
  await end("a1");
  expect(given.slice(4)).toEqual(["a3"]);
});

test("a context that was emptying goes on when nobody waits for another adapter any more", async () => {
  const { want, end, pass, given } = variedPool(1);
  await Promise.all([want("a1"), want("a2")]);
  pass(2_000);
  const gone = new AbortController();
  const waiting = want("b1", gone.signal);
  void want("a3");
  await end("a1");
  expect(given).toEqual(["a1", "a2"]);
  gone.abort("cancelled");
  await waiting;
  expect(given).toEqual(["a1", "a2", "a3"]);
});

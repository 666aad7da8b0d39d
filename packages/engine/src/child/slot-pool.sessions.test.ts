import { expect, test } from "vitest";
import { commonPrefix } from "./beginnings.ts";
import { type Slot, SlotPool } from "./slot-pool.ts";

const never = new AbortController().signal;
const SESSION_MS = 1_000;
const words = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

/** A pool of slots of one context that hold what their last tasks have left. */
function poolOf(slots: number) {
  let nowMs = 0;
  const held = new Map<Slot, number[]>();
  const all = Array.from({ length: slots }, (_, index): Slot => {
    const slot: Slot = {
      index,
      group: 0,
      get isEmpty() {
        return !held.has(slot);
      },
      cachedPrefix: (prompt) => commonPrefix(held.get(slot) ?? [], prompt),
      setRunning: () => {},
    };
    return slot;
  });
  const pool = new SlotPool(all, { sessionMs: SESSION_MS, now: () => nowMs });
  const begin = async (session: string | null, prompt: number[]) => {
    const slot = await pool.acquire({ prompt, adapter: null, isUrgent: false, session }, never);
    if (slot === null) throw new Error("no slot");
    held.set(slot, prompt);
    return slot;
  };
  return {
    begin,
    end: (slot: Slot) => pool.release(slot),
    /** Runs a task to its end. @returns which slot it had */
    run: async (session: string | null, prompt: number[]) => {
      const slot = await begin(session, prompt);
      pool.release(slot);
      return slot.index;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test("a turn gets the slot of the one before it", async () => {
  const { run } = poolOf(3);
  const first = await run("a", words(0, 40));
  await run(null, words(100, 40));
  await run(null, words(200, 40));
  expect(await run("a", words(0, 80))).toBe(first);
});

test("a task with little in common takes an empty slot, however much it could keep of another", async () => {
  const { run } = poolOf(3);
  const little = [...words(0, 5), ...words(900, 5)];
  expect([await run(null, words(0, 20)), await run(null, words(0, 31)), await run(null, little)]).toEqual([0, 1, 2]);
});

test("a short prompt that a slot holds as a whole is computed there, beside empty ones", async () => {
  const { run } = poolOf(3);
  expect([await run(null, words(0, 12)), await run(null, words(0, 12)), await run(null, words(0, 13))]).toEqual([0, 0, 0]);
});

test("the slot of a session is taken last, while it is kept", async () => {
  const { run } = poolOf(3);
  const session = await run("a", words(0, 40));
  const others = [await run(null, words(100, 40)), await run(null, words(200, 40))];
  expect(others).not.toContain(session);
  expect([await run(null, words(300, 40)), await run(null, words(400, 40))]).toEqual(others);
});

test("a long common beginning does not overwrite the conversation of another session", async () => {
  const { run } = poolOf(2);
  const first = await run("a", words(0, 400));
  expect(await run("b", [...words(0, 300), ...words(1_000, 9)])).not.toBe(first);
});

test("with nothing but kept slots, the one used longest ago is taken, whatever another has in common", async () => {
  const { run } = poolOf(3);
  const first = await run("a", words(0, 40));
  await run("b", words(100, 40));
  const third = await run("c", words(200, 40));
  await run("b", words(100, 80));
  expect(await run(null, words(100, 50))).toBe(first);
  expect(await run("d", words(500, 40))).toBe(first);
  expect(await run("e", words(100, 60))).toBe(third);
});

test("it is kept for so long after its last turn, and no longer", async () => {
  const { run, pass } = poolOf(2);
  const session = await run("a", words(0, 40));
  const other = await run(null, words(100, 40));
  pass(SESSION_MS - 1);
  expect(await run(null, words(200, 40))).toBe(other);
  pass(1);
  expect(await run(null, words(300, 40))).toBe(session);
});

test("a session keeps one slot: that of its latest turn", async () => {
  const { begin, end, run } = poolOf(3);
  const both = [await begin("a", words(0, 40)), await begin("a", words(0, 41))];
  for (const slot of both) end(slot);
  const [older, newer] = both.map(({ index }) => index);
  const third = await run(null, words(100, 40));
  expect([await run(null, words(200, 40)), await run(null, words(300, 40))].sort()).toEqual([older, third].sort());
  expect(await run("a", words(0, 90))).toBe(newer);
});

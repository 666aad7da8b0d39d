import { expect, test } from "vitest";
import { Places } from "./places.ts";

/** Takes so many places until told to give them back. */
async function take(places: Places, count: number) {
  const held = Promise.withResolvers<void>();
  const works = Array.from({ length: count }, () => places.during(() => held.promise));
  return { giveBack: () => Promise.all([held.resolve(), ...works]) };
}

test("a receiver may have the most there is while there is room, then an eighth of what is free, then none", async () => {
  const places = new Places(1_024);
  const seen = [];
  for (const count of [0, 768, 8, 184, 56, 1, 7]) {
    await take(places, count);
    seen.push(places.perReceiver);
  }
  expect(seen).toEqual([32, 32, 31, 8, 1, 0, 0]);
});

test("places are given back, also by work that fails", async () => {
  const places = new Places(16);
  const { giveBack } = await take(places, 16);
  expect(places.perReceiver).toBe(0);
  await giveBack();
  await expect(places.during(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(places.perReceiver).toBe(2);
});

test.each([1, 8, 60, 500, 1_000])("%i receivers that take all they get leave some for others", async (receivers) => {
  const places = new Places(1_024);
  const has = Array.from({ length: receivers }, () => 0);
  for (let isFull = false; !isFull; ) {
    isFull = true;
    for (const [index, held] of has.entries()) {
      if (held >= Math.max(1, places.perReceiver)) continue;
      has[index] = held + 1;
      await take(places, 1);
      isFull = false;
    }
  }
  const taken = has.reduce((sum, held) => sum + held, 0);
  expect(taken).toBeGreaterThanOrEqual(receivers);
  expect(1_024 - taken).toBeGreaterThanOrEqual(Math.min(256, 1_024 - receivers, Math.floor(1_024 / (receivers / 8 + 1))));
});

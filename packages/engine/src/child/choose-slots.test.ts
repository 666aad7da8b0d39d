import { expect, test } from "vitest";
import { chooseSlots } from "./choose-slots.ts";

/** Rates by slots; what is not named makes nothing. */
async function choose(least: number, most: number, rates: Record<number, number>) {
  const asked: number[] = [];
  const { slots } = await chooseSlots({ least, most }, async (count) => {
    asked.push(count);
    return rates[count] ?? 0;
  });
  return { slots, asked };
}

test("doubles while that makes markedly more tokens", async () => {
  expect(await choose(8, 32, { 8: 229, 16: 295, 32: 338 })).toEqual({ slots: 16, asked: [8, 16, 32] });
  expect(await choose(16, 64, { 16: 1000, 32: 1900, 64: 3500 })).toEqual({ slots: 64, asked: [16, 32, 64] });
});

test("stops at the first doubling that is not worth it", async () => {
  expect(await choose(8, 32, { 8: 100, 16: 105, 32: 900 })).toEqual({ slots: 8, asked: [8, 16] });
});

test("never takes more than fit", async () => {
  expect(await choose(8, 12, { 8: 100, 16: 900 })).toEqual({ slots: 8, asked: [8] });
});

test("measures nothing where there is nothing to choose", async () => {
  expect(await choose(4, 4, {})).toEqual({ slots: 4, asked: [] });
});

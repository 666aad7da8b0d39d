import { expect, test } from "vitest";
import { NativeGarbage } from "./native-garbage.ts";

function collectionsAfter(generations: number, vocabularySize: number): number {
  let collections = 0;
  const garbage = new NativeGarbage(vocabularySize, () => collections++);
  for (let ended = 0; ended < generations; ended++) garbage.generationEnded();
  return collections;
}

test("collects before small samplers hold more than 32 MiB, and not more often", () => {
  const most = Math.floor((32 * 2 ** 20) / (2_000 * 12));
  expect(collectionsAfter(most - 1, 2_000)).toBe(0);
  expect(collectionsAfter(most, 2_000)).toBe(1);
  expect(collectionsAfter(most * 2 - 1, 2_000)).toBe(1);
});

test("lets large samplers wait for each other, so that no model spends its time on collections", () => {
  expect(collectionsAfter(127, 150_000)).toBe(0);
  expect(collectionsAfter(128, 150_000)).toBe(1);
});

test("a model without a vocabulary is no division by zero", () => {
  expect(collectionsAfter(10_000, 0)).toBe(0);
});

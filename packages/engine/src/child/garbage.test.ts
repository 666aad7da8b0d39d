import { expect, test } from "vitest";
import { Garbage } from "./garbage.ts";

function collectionsAfter(generations: number, generation: { tokens: number; hasGrammar: boolean }): number {
  let collections = 0;
  const garbage = new Garbage(() => collections++);
  for (let ended = 0; ended < generations; ended++) garbage.generationEnded(generation);
  return collections;
}

test("collects once for every 32,768 tokens, however many generations made them", () => {
  expect(collectionsAfter(31, { tokens: 1_024, hasGrammar: false })).toBe(0);
  expect(collectionsAfter(65, { tokens: 1_024, hasGrammar: false })).toBe(2);
  expect(collectionsAfter(32_768, { tokens: 1, hasGrammar: false })).toBe(1);
});

test("grammars count more than their tokens", () => {
  expect(collectionsAfter(255, { tokens: 0, hasGrammar: true })).toBe(0);
  expect(collectionsAfter(256, { tokens: 0, hasGrammar: true })).toBe(1);
});

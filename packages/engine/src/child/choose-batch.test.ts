import { expect, test } from "vitest";
import { chooseBatchSize } from "./choose-batch.ts";

test.each([
  ["a quick model gets llama.cpp's default", 50_000, 8, 512],
  ["a slow one as many as half a second computes", 300, 8, 128],
  ["a very slow one enough to be worth a step", 20, 8, 64],
  ["a token of every slot and as much again always fits", 20, 48, 128],
  ["so it does where slots are many", 50_000, 256, 512],
])("%s", (_what, rate, slots, size) => {
  expect(chooseBatchSize(rate, slots)).toBe(size);
});

test("what was not measured gets the default", () => {
  expect(chooseBatchSize(null, 8)).toBe(512);
});

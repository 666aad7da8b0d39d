import { expect, test } from "vitest";
import { NativeGarbage } from "./native-garbage.ts";

test("collects before the samplers of ended generations hold more than 128 MiB, and not more often", () => {
  let collections = 0;
  const garbage = new NativeGarbage(32_000, () => collections++);
  const most = (128 * 2 ** 20) / (32_000 * 12);
  for (let ended = 1; ended <= most; ended++) garbage.generationEnded();
  expect(collections).toBe(0);
  garbage.generationEnded();
  expect(collections).toBe(1);
  for (let ended = 1; ended <= most; ended++) garbage.generationEnded();
  expect(collections).toBe(1);
});

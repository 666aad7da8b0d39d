import { expect, test } from "vitest";
import { NativeGarbage } from "./native-garbage.ts";

test("collects once for every 256 grammars", () => {
  let collections = 0;
  const garbage = new NativeGarbage(() => collections++);
  for (let ended = 0; ended < 255; ended++) garbage.grammarEnded();
  expect(collections).toBe(0);
  for (let ended = 0; ended < 257; ended++) garbage.grammarEnded();
  expect(collections).toBe(2);
});

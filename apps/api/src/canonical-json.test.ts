import { expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";

test("says the same for the same content in another order, at every depth", () => {
  const one = { model: "m", metadata: { a: "1", b: "2" }, list: [{ x: 1, y: 2 }] };
  const other = { list: [{ y: 2, x: 1 }], metadata: { b: "2", a: "1" }, model: "m" };
  expect(canonicalJson(one)).toBe(canonicalJson(other));
});

test("tells lists in another order apart", () => {
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
});

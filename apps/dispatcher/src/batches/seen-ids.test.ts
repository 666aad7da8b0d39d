import { expect, it } from "vitest";
import { SeenIds } from "./seen-ids.ts";

it("knows every id again, and no other", () => {
  const seen = new SeenIds();
  const ids = Array.from({ length: 20_000 }, (_, index) => `request-${index}`);
  expect(ids.every((id) => seen.add(id))).toBe(true);
  expect(ids.some((id) => seen.add(id))).toBe(false);
  expect(seen.add("another")).toBe(true);
});

import { isId } from "@llamero/core";
import { expect, it } from "vitest";
import { createIds } from "./ids.ts";

it("gives no id twice, within and beyond one drawing of random bytes", () => {
  const ids = createIds({ now: () => 1_700_000_000_000, cell: 0 });
  const jobs = Array.from({ length: 5_000 }, ids.job);
  expect(new Set(jobs).size).toBe(5_000);
  expect(jobs.every((id) => isId("job", id))).toBe(true);
  expect(isId("request", ids.request())).toBe(true);
});

it("leaves the time first, so that ids sort by it", () => {
  let now = 1_700_000_000_000;
  const ids = createIds({ now: () => now++, cell: 0 });
  const jobs = Array.from({ length: 1_000 }, ids.job);
  expect(jobs.toSorted()).toEqual(jobs);
});

import { expect, it } from "vitest";
import { preferredWaitMs } from "./prefer.ts";

it.each([
  [null, 0],
  ["", 0],
  ["wait=5", 5_000],
  ["WAIT = 5", 5_000],
  ['wait="7"', 7_000],
  ["respond-async, wait=10", 10_000],
  ["wait=10;foo=bar, respond-async", 10_000],
  ["wait=0", 0],
  ["wait=60", 60_000],
  ["wait=61", 60_000],
  ["wait=999999", 60_000],
  ["wait=9999999", 0],
  ["wait=-1", 0],
  ["wait=1.5", 0],
  ["wait=", 0],
  ["wait", 0],
  ["await=5", 0],
  ["wait=5s", 0],
  ["wait=NaN", 0],
])("Prefer: %j waits %d ms", (header, ms) => {
  expect(preferredWaitMs(header)).toBe(ms);
});

import { expect, it } from "vitest";
import { idempotencyKey, preferredWaitMs } from "./prefer.ts";

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

it("takes 1 to 255 visible ASCII characters for a key", () => {
  expect(idempotencyKey(null)).toBeNull();
  for (const key of ["a", "order:1/2", "~!@#", "x".repeat(255)]) expect(idempotencyKey(key)).toBe(key);
  for (const key of ["", " ", "a b", "é", "x".repeat(256), "a\tb"])
    expect(() => idempotencyKey(key)).toThrow(expect.objectContaining({ code: "invalid_request", param: "Idempotency-Key" }));
});

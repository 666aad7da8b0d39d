import { expect, test } from "vitest";
import { parseRetryAfter } from "./retry-after.ts";

const NOW = Date.parse("1994-11-06T08:49:00Z");

test.each<[string | null, number | null]>([
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7_000],
  ["9999999999", 9_999_999_999_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 37_000],
  ["Sun Nov  6 08:49:37 1994", 37_000],
  ["Sun, 06 Nov 1994 08:48:00 GMT", 0],
  [null, null],
  ["", null],
  ["-5", null],
  ["1.5", null],
  ["1e3", null],
  ["soon", null],
  ["99999999999", null],
  ["1994", 1_994_000],
  ["1994-11-06T08:49:37Z", null],
  ["Sun, 99 Nov 1994 08:49:37 GMT", null],
  [`Sun, ${"0".repeat(50_000)}`, null],
])("%j is %j ms", (header, expected) => {
  expect(parseRetryAfter(header, NOW)).toBe(expected);
});

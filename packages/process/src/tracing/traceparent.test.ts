import { expect, test } from "vitest";
import { formatTraceparent, parseTraceparent, readTraceparent } from "./traceparent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("reads what W3C's own example has, and writes it again", () => {
  const text = `00-${traceId}-${spanId}-01`;
  const context = parseTraceparent(text);
  expect(context).toEqual({ traceId, spanId, isSampled: true });
  expect(context === null ? "" : formatTraceparent(context)).toBe(text);
});

test.each([
  ["not sampled", `00-${traceId}-${spanId}-00`, false],
  ["other flags", `00-${traceId}-${spanId}-03`, true],
  ["a later version with more behind it", `01-${traceId}-${spanId}-01-more`, true],
])("reads one that is %s", (_what, text, isSampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId, spanId, isSampled });
});

test.each([
  ["nothing", null],
  ["garbage", "hello"],
  ["the forbidden version", `ff-${traceId}-${spanId}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["capitals", `00-${traceId.toUpperCase()}-${spanId}-01`],
  ["too short an id", `00-${traceId.slice(1)}-${spanId}-01`],
])("takes %s for none", (_what, text) => {
  expect(parseTraceparent(text)).toBeNull();
});

test("what is stored and sent on is no longer than what is known of it", () => {
  expect(readTraceparent(`cc-${traceId}-${spanId}-01-${"x".repeat(5_000)}`)).toBe(`00-${traceId}-${spanId}-01`);
  expect(readTraceparent("hello")).toBeNull();
});

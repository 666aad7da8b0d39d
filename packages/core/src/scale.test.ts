import { expect, test } from "vitest";
import { type Load, ScaleDown, scaleOf } from "./scale.ts";

/** A worker of 10 slots makes 500 tokens a second: a slot makes one in 20 ms. */
const known: Load = { waitingTokens: 0, runningJobs: 0, servedTokensPerSecond: 0, slots: 10, tokenMs: 20 };
const limits = { targetSeconds: 60, min: 0, max: 100 };
const desired = (load: Partial<Load>, more: Partial<typeof limits> = {}) =>
  scaleOf({ ...known, ...load }, { ...limits, ...more }).desired;

test.each([
  ["nothing to do", {}, 0],
  ["a single job that waits", { waitingTokens: 1 }, 1],
  ["as much as one worker does within the target", { waitingTokens: 30_000 }, 1],
  ["a token more than that", { waitingTokens: 30_001 }, 2],
  ["what keeps coming, and nothing that waits", { servedTokensPerSecond: 1_250 }, 3],
  ["what keeps coming, and what waits", { servedTokensPerSecond: 500, waitingTokens: 30_000 }, 2],
  ["jobs that run for so long that none has ended of late", { runningJobs: 21 }, 3],
])("%s", (_what, load, workers) => {
  expect(desired(load)).toBe(workers);
});

test("keeps between the limits", () => {
  expect(desired({}, { min: 2 })).toBe(2);
  expect(desired({ waitingTokens: 1e9 }, { max: 7 })).toBe(7);
});

test("asks for one worker while nothing is known of them, where there is something to do", () => {
  const unknown = { slots: null, tokenMs: null };
  expect(desired(unknown)).toBe(0);
  expect(scaleOf({ ...known, ...unknown, waitingTokens: 1e6 }, limits)).toEqual({ desired: 1, tokensPerSecondPerWorker: null });
});

test("says what a worker does", () => {
  expect(scaleOf(known, limits).tokensPerSecondPerWorker).toBe(500);
});

test("goes up at once, and down when it was less for a while", () => {
  const down = new ScaleDown(60_000);
  const seen = [
    [2, 0],
    [5, 10_000],
    [3, 20_000],
    [1, 50_000],
    [1, 70_000],
    [1, 71_000],
    [0, 82_000],
    [0, 131_000],
    [0, 143_000],
  ].map(([wanted = 0, at = 0]) => down.next(wanted, at));
  expect(seen).toEqual([2, 5, 5, 5, 5, 3, 1, 1, 0]);
});

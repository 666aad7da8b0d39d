import { expect, test } from "vitest";
import { psSeconds, usageOf, withDescendants } from "../process-usage.ts";
import { growth, median, percentile } from "../statistics.ts";
import { steadyWindow, tokensWithin } from "../steady-window.ts";

const trace = (startedAtMs: number, firstTokenAtMs: number, endedAtMs: number, completionTokens = 11) => ({
  promptTokens: 4,
  completionTokens,
  startedAtMs,
  firstTokenAtMs,
  endedAtMs,
});

test("counts from the end of the warm-up to the start of the last job", () => {
  const warmUp = [trace(0, 10, 50), trace(0, 10, 100)];
  const jobs = [trace(50, 60, 160), trace(100, 110, 210), trace(160, 170, 270)];
  const window = steadyWindow(warmUp, jobs);
  expect(window).toEqual({ fromMs: 100, toMs: 160 });
  // Of the first job tokens at 100, 110, … 150, of the second at 110 … 150; the warm-up's last came at 100.
  expect(tokensWithin([...warmUp, ...jobs], window)).toBe(6 + 5 + 1);
});

test("says so when there is nothing between warm-up and tail", () => {
  expect(() => steadyWindow([trace(0, 10, 100)], [trace(50, 60, 160)])).toThrow("too few jobs");
});

test("reads growth between two readings, and nothing outside of them", () => {
  const points = [
    { atMs: 0, value: 0 },
    { atMs: 100, value: 10 },
    { atMs: 200, value: 30 },
  ];
  expect(growth(points, 50, 150)).toBe(15);
  expect(growth(points, 50, 250)).toBeNull();
});

test("medians and percentiles", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect(percentile([5, 1, 2, 3, 4], 0.99)).toBe(5);
});

test("knows this process, its CPU time and memory", async () => {
  expect(await withDescendants([process.pid])).toContain(process.pid);
  const usage = await usageOf([process.pid]);
  expect(usage.cpuSeconds).toBeGreaterThan(0);
  expect(usage.rssBytes).toBeGreaterThan(10e6);
});

test.each([
  ["0:01.50", 1.5],
  ["01:02:03", 3_723],
  ["2-00:00:01", 172_801],
])("reads ps's %s", (time, seconds) => {
  expect(psSeconds(time)).toBe(seconds);
});

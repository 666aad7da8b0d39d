import { describe, expect, test } from "vitest";
import { plot } from "../scaling/plot.ts";
import { recordedLoad } from "../scaling/recorded-load.ts";
import { type Simulated, simulate } from "../scaling/simulate.ts";

const options: Simulated = {
  slots: 10,
  tokenMs: 10,
  startSeconds: 20,
  downAfterSeconds: 60,
  lookEverySeconds: 5,
  targetSeconds: 60,
  min: 0,
  max: 50,
};
const steady = (requests: number, seconds: number) =>
  Array.from({ length: seconds }, () => ({ requests, tokens: requests * 100 }));

describe("a simulation", () => {
  test("starts a worker for the first job, and ends with none when nothing comes any more", () => {
    const { seconds, waits } = simulate([...steady(1, 1), ...steady(0, 600)], options);
    expect(waits).toEqual([20]);
    expect(Math.max(...seconds.map(({ workers }) => workers))).toBe(1);
    expect(seconds.at(-1)?.workers).toBe(0);
  });

  test("has as many workers as a steady load keeps busy", () => {
    // A worker does 1,000 tokens a second: ten such jobs.
    const { seconds } = simulate(steady(35, 900), options);
    const settled = seconds.slice(600, 900).map(({ workers }) => workers);
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...settled)).toBeLessThanOrEqual(5);
  });

  test("never has more than it may", () => {
    const { seconds } = simulate(steady(100, 300), { ...options, max: 3 });
    expect(Math.max(...seconds.map(({ workers }) => workers))).toBe(3);
  });
});

test("the recorded hour is read whole, and spread over its seconds alike for one seed", async () => {
  const load = await recordedLoad(1);
  expect(load.reduce((sum, { requests }) => sum + requests, 0)).toBe(19_366);
  expect(load.length % 10).toBe(0);
  expect(await recordedLoad(1)).toEqual(load);
  expect(await recordedLoad(2)).not.toEqual(load);
});

test("a plot has its titles and lines, and no text that is markup", () => {
  const series = [{ name: "a <b>", colour: "#000", values: [0, 3, 2], isStepped: true }];
  const svg = plot({
    title: "Jobs & workers",
    stepSeconds: 60,
    panels: [{ title: "Workers", series, limit: { name: "most", value: 4 } }],
  });
  expect(svg).toContain("Jobs &amp; workers");
  expect(svg).toContain("a &lt;b&gt;");
  expect(svg).toMatch(/<path d="M56,[\d.]+H[\d.]+V/);
});

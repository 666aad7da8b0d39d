import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

function open() {
  let nowMs = 5_000;
  const pace = new Pace(() => nowMs);
  const run = (seconds: number, tokens: number) => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1_000;
      pace.add(tokens);
    }
    return pace.tokensPerSecond;
  };
  return { pace, run };
}

test("says how many tokens a second there are, from the beginning on", () => {
  const { run } = open();
  expect(run(10, 50)).toBeCloseTo(50, 0);
  expect(run(600, 50)).toBeCloseTo(50, 0);
});

test("forgets what was, a third of it in twenty-four seconds", () => {
  const { run } = open();
  run(600, 50);
  expect(run(24, 0)).toBeCloseTo(50 * Math.exp(-0.4), 0);
  expect(run(600, 0)).toBeLessThan(0.01);
});

import { describe, expect, test } from "vitest";
import { type AttemptMade, MAX_RETRY_AFTER_MS, nextAttempt, retrySchedule } from "./schedule.ts";

const made = (over: Partial<AttemptMade> = {}): AttemptMade => ({
  attempt: 1,
  outcome: "failed",
  retryAfterMs: null,
  random: () => 0,
  ...over,
});
const delayOf = (over: Partial<AttemptMade>): number => {
  const next = nextAttempt(made(over));
  if (next.next !== "retry") throw new Error(`was ${next.next}`);
  return next.delayMs;
};

test("attempts come at the times of the specification, then the delivery is dead", () => {
  let seconds = 0;
  const starts = [0];
  for (let attempt = 1; attempt < retrySchedule.length; attempt++) {
    seconds += delayOf({ attempt }) / 1000;
    starts.push(seconds);
  }
  const clock = starts.map((at) =>
    [at / 3600, (at / 60) % 60, at % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":"),
  );
  expect(clock).toEqual([
    "00:00:00",
    "00:00:05",
    "00:05:05",
    "00:35:05",
    "02:35:05",
    "07:35:05",
    "17:35:05",
    "31:35:05",
    "51:35:05",
    "75:35:05",
  ]);
  expect(nextAttempt(made({ attempt: 10 }))).toEqual({ next: "dead" });
  expect(nextAttempt(made({ attempt: 11 }))).toEqual({ next: "dead" });
});

test("a delivery is over, and 410 disables, whatever attempt it was", () => {
  for (const attempt of [1, 10]) {
    expect(nextAttempt(made({ attempt, outcome: "delivered" }))).toEqual({ next: "none" });
    expect(nextAttempt(made({ attempt, outcome: "gone", retryAfterMs: 5 }))).toEqual({ next: "disable" });
  }
});

test("chance makes a delay up to a fifth longer, never shorter", () => {
  expect([0, 0.5, 0.999].map((random) => delayOf({ attempt: 2, random: () => random }))).toEqual([300_000, 330_000, 359_940]);
});

describe("Retry-After", () => {
  test("is waited for when it is longer than the schedule", () => {
    expect(delayOf({ retryAfterMs: 120_000 })).toBe(120_000);
    expect(delayOf({ retryAfterMs: 120_000, random: () => 0.5 })).toBe(132_000);
  });

  test("does not shorten the schedule", () => {
    expect(delayOf({ attempt: 2, retryAfterMs: 1_000 })).toBe(300_000);
    expect(delayOf({ attempt: 2, retryAfterMs: 0 })).toBe(300_000);
  });

  test("is honoured up to 12 hours, so that the last attempt comes within the week that jobs are kept", () => {
    expect(delayOf({ retryAfterMs: Number.MAX_SAFE_INTEGER })).toBe(MAX_RETRY_AFTER_MS);
    const slowest = { retryAfterMs: MAX_RETRY_AFTER_MS, random: () => 0.999_999 };
    const total = retrySchedule.slice(1).reduce((sum, _delay, index) => sum + delayOf({ ...slowest, attempt: index + 1 }), 0);
    expect(total).toBeLessThan(7 * 86_400_000);
  });

  test("gives no attempt beyond the last", () => {
    expect(nextAttempt(made({ attempt: 10, retryAfterMs: 1_000 }))).toEqual({ next: "dead" });
  });
});

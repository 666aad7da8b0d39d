import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Health } from "./health.ts";
import { startRedisProbe } from "./redis-probe.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(ping: () => Promise<void>) {
  const health = new Health();
  const up: number[] = [];
  const seconds: number[] = [];
  const metrics = {
    set: (_name: string, _labels: object, value: number) => void up.push(value),
    observe: (_name: string, _labels: object, value: number) => void seconds.push(value),
  };
  const probe = startRedisProbe({ ping, metrics: metrics as never, health, now: () => Date.now() });
  return { health, up, seconds, probe };
}

test("Redis is there while it answers; how long it took is told", async () => {
  const { health, up, seconds, probe } = open(() => new Promise((resolve) => setTimeout(resolve, 20)));
  await vi.advanceTimersByTimeAsync(2_500);
  expect(health.readiness()).toEqual({ isReady: true, problems: {} });
  expect(new Set(up)).toEqual(new Set([1]));
  expect(seconds).toEqual([0.02, 0.02, 0.02]);
  probe.stop();
});

test("a Redis that refuses is lost after three seconds, and back with its first answer", async () => {
  let isAway = false;
  const { health, up, probe } = open(() => (isAway ? Promise.reject(new Error("away")) : Promise.resolve()));
  await vi.advanceTimersByTimeAsync(1_000);
  isAway = true;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(up.at(-1)).toBe(0);
  expect(health.readiness().isReady).toBe(true);
  await vi.advanceTimersByTimeAsync(1_500);
  expect(health.readiness().problems).toEqual({ redis: "has not answered for 5 seconds" });
  isAway = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(health.readiness().isReady).toBe(true);
  probe.stop();
});

test("a Redis that keeps silent is lost too, and is not asked twice at once", async () => {
  let asked = 0;
  const { health, up, probe } = open(() => {
    asked++;
    return new Promise(() => {});
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect({ asked, last: up.at(-1), isReady: health.readiness().isReady }).toEqual({ asked: 1, last: 0, isReady: false });
  probe.stop();
});

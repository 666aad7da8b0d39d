import { expect, test } from "vitest";
import { AppError, errorCodes } from "./errors.ts";
import { type AttemptCounts, blamesModel, decideRetry, retryPolicy, runsAlone } from "./retry-policy.ts";

const counted = (over: Partial<AttemptCounts> = {}): AttemptCounts => ({
  lost: 0,
  crashes: 0,
  failures: 0,
  backend: 0,
  preempted: 0,
  ...over,
});

test("only errors that can pass are tried again", () => {
  for (const code of errorCodes)
    if (decideRetry(code, counted()).retry) expect(new AppError(code, "x").retryable, code).toBe(true);
});

test.each([
  ["engine_failed", "failures", 3],
  ["engine_crashed", "crashes", 3],
  ["worker_lost", "lost", 10],
  ["backend_failed", "backend", 3],
] as const)("%s counts as %s and ends the job at the limit of %i", (code, countsAs, limit) => {
  expect(retryPolicy[code].limit).toBe(limit);
  expect(decideRetry(code, counted({ [countsAs]: limit - 2 }))).toEqual({ retry: true, countsAs, startsAnew: false });
  expect(decideRetry(code, counted({ [countsAs]: limit - 1 }))).toEqual({ retry: false });
});

test("what is counted for one reason does not bring another's limit nearer", () => {
  expect(decideRetry("engine_failed", counted({ lost: 4, crashes: 9 }))).toEqual({
    retry: true,
    countsAs: "failures",
    startsAnew: false,
  });
});

test("an engine that ended before the job had a slot says nothing about it", () => {
  expect(decideRetry("engine_restarted", counted({ crashes: 2, failures: 2 }))).toEqual({
    retry: true,
    countsAs: null,
    startsAnew: false,
  });
});

test("a Redis that is away or full is nobody's fault", () => {
  expect(decideRetry("redis_unavailable", counted({ lost: 4, failures: 2 }))).toEqual({
    retry: true,
    countsAs: null,
    startsAnew: false,
  });
});

test("another server that is away is waited for; one that has begun another answer is asked anew", () => {
  expect(decideRetry("backend_unavailable", counted({ backend: 2 }))).toEqual({ retry: true, countsAs: null, startsAnew: false });
  expect(decideRetry("backend_diverged", counted())).toEqual({ retry: true, countsAs: "backend", startsAnew: true });
  expect(decideRetry("backend_refused", counted())).toEqual({ retry: false });
});

test("a model is blamed for what its server does, and for the job that its engine could not do in the end", () => {
  expect(errorCodes.filter((code) => blamesModel(code, false))).toEqual(["backend_unavailable", "backend_failed"]);
  expect(errorCodes.filter((code) => blamesModel(code, true))).toEqual([
    ...["engine_crashed", "engine_failed", "backend_unavailable", "backend_failed"],
  ]);
});

test("a request that cannot be run fails at once", () => {
  expect(decideRetry("context_length_exceeded", counted())).toEqual({ retry: false });
});

test("a job that was there in two crashes, or in two failed decodes, runs alone", () => {
  expect([0, 1, 2].map((crashes) => runsAlone(counted({ crashes })))).toEqual([false, false, true]);
  expect([0, 1, 2].map((failures) => runsAlone(counted({ failures })))).toEqual([false, false, true]);
  expect(runsAlone(counted({ lost: 4, crashes: 1, failures: 1 }))).toBe(false);
});

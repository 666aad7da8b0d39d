import { AppError } from "@llamero/core";
import type { Claim, Store } from "@llamero/store";
import { expect, test } from "vitest";
import { Attempt } from "./attempt.ts";
import { appended, attemptOf, claimOf, logger, runtimeOf } from "./attempt-test-kit.ts";

const fails = (error: unknown) => runtimeOf({ generate: () => Promise.reject(error) });

const crash = new AppError("engine_crashed", "The engine ended.");
const counted = (over: Partial<Claim["counts"]>) =>
  claimOf({ counts: { lost: 0, crashes: 0, failures: 0, backend: 0, preempted: 0, ...over } });

test("a failure of the engine's sends the job back, until the third", async () => {
  const failure = new AppError("engine_failed", "No.");
  expect(await attemptOf(fails(failure), counted({ failures: 1, lost: 4, crashes: 2 })).run()).toEqual({
    status: "queued",
    countsAs: "failures",
  });
  expect(await attemptOf(fails(failure), counted({ failures: 2 })).run()).toMatchObject({ status: "failed" });
});

test("a crash sends the job back, marked; one that came when it ran alone fails it, and says so", async () => {
  expect(await attemptOf(fails(crash), counted({ crashes: 1 })).run()).toEqual({ status: "queued", countsAs: "crashes" });
  expect(await attemptOf(fails(crash), counted({ crashes: 2 })).run()).toEqual({
    status: "failed",
    error: {
      code: "engine_crashed",
      message: "The engine ended. It had ended 2 times while this job ran among others; this time the job ran alone.",
    },
    fault: { code: "engine_crashed", waitMs: null },
  });
});

test("what another server does is told for its breaker, and the job waits or tries again", async () => {
  const busy = new AppError("backend_unavailable", "busy", { retryAfterSeconds: 7 });
  expect(await attemptOf(fails(busy)).run()).toEqual({ status: "queued", fault: { code: "backend_unavailable", waitMs: 7_000 } });
  const broken = new AppError("backend_failed", "broke off");
  const fault = { code: "backend_failed", waitMs: null };
  expect(await attemptOf(fails(broken)).run()).toEqual({ status: "queued", countsAs: "backend", fault });
  expect(await attemptOf(fails(broken), counted({ backend: 2 })).run()).toMatchObject({ status: "failed", fault });
  const diverged = new AppError("backend_diverged", "another answer");
  expect(await attemptOf(fails(diverged)).run()).toEqual({ status: "queued", countsAs: "backend", startsAnew: true });
});

test("what never reached the engine counts as nothing", async () => {
  expect(await attemptOf({ ...fails(crash), isOver: true }).run()).toEqual({ status: "queued" });
});

test("a job that is stopped while it waits for the engine goes back uncounted", async () => {
  const engine = (signal: AbortSignal) =>
    new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null), { once: true }));
  const store = { append: appended } as unknown as Store;
  const options = { store, engine, claim: claimOf(), model: "tiny", afterFinish: null, logger, onWaiting: () => {} };
  const attempt = new Attempt(options);
  const ending = attempt.run();
  attempt.stop("cancelled");
  expect(await ending).toEqual({ status: "queued" });
});

test("an engine that is closed over a job that is handed back counts as nothing", async () => {
  const attempt = attemptOf(fails(new AppError("engine_failed", "closed")));
  attempt.stop("handback");
  expect(await attempt.run()).toEqual({ status: "queued" });
});

test("an error that will not pass fails the job at once", async () => {
  const error = new AppError("context_length_exceeded", "2000 tokens; tiny holds 1024.");
  expect(await attemptOf(fails(error)).run()).toMatchObject({ status: "failed", error: { code: "context_length_exceeded" } });
});

test("a foreign error never reaches the caller's eyes", async () => {
  const ending = await attemptOf(fails(new Error("/home/secret")), counted({ failures: 2 })).run();
  expect(ending).toMatchObject({ status: "failed", error: { code: "engine_failed", message: "The engine failed on this job." } });
  expect(JSON.stringify(ending)).not.toContain("secret");
});

import { AppError, type GenerateOutcome, type Runtime } from "@llamero/core";
import type { Claim, Store } from "@llamero/store";
import { expect, test } from "vitest";
import { Attempt } from "./attempt.ts";

const usage = { prompt_tokens: 2, cached_tokens: 0, completion_tokens: 1, total_tokens: 3 };
const timings = { prefill_ms: 1, first_token_ms: 2, generate_ms: 3 };
const chat = { v: 1, type: "chat", messages: [{ role: "user", content: "hi" }], params: { seed: 1 } } as const;

function claimOf(over: Partial<Claim> = {}): Claim {
  return { jobId: "job_1", fence: 3, attempt: 1, request: { ...chat, messages: [...chat.messages] }, queueMs: 9, ...over };
}

function runtimeOf(over: Partial<Runtime>): Runtime {
  const refuse = () => Promise.reject(new Error("not expected"));
  return { models: [], generate: refuse, embed: refuse, stop: () => {}, close: async () => {}, ...over };
}

const appended = async () => ({ outcome: "appended", stop: null }) as const;

function attemptOf(runtime: Runtime, claim = claimOf(), append: Store["append"] = appended) {
  // Only `append` is called by an attempt.
  return new Attempt({ store: { append } as Store, runtime, claim, model: "tiny" });
}

const outcome = (finishReason: GenerateOutcome["finishReason"]): GenerateOutcome => ({
  text: "ok",
  finishReason,
  usage,
  timings,
});

test.each([
  ["stop", "succeeded"],
  ["length", "succeeded"],
  ["cancelled", "cancelled"],
  ["deadline", "expired"],
] as const)("an outcome of %s ends the job as %s, with text, usage and timings", async (finishReason, status) => {
  const attempt = attemptOf(runtimeOf({ generate: async () => outcome(finishReason) }));
  expect(await attempt.run()).toEqual({
    status,
    completionTokens: 1,
    result: { text: "ok", finish_reason: finishReason, usage, timings: { queue_ms: 9, ...timings } },
  });
});

test("embeddings are stored as they come", async () => {
  const request = { v: 1, type: "embedding", input: ["a"] } as const;
  const attempt = attemptOf(
    runtimeOf({ embed: async () => ({ embeddings: [[1, 0]], usage, timings }) }),
    claimOf({ request: { ...request, input: [...request.input] } }),
  );
  expect(await attempt.run()).toMatchObject({ status: "succeeded", result: { embeddings: [[1, 0]] } });
});

test("the engine is asked under a name of its own per claim", async () => {
  const ids: string[] = [];
  const generate: Runtime["generate"] = async ({ id }) => {
    ids.push(id);
    return outcome("stop");
  };
  await attemptOf(runtimeOf({ generate }), claimOf({ fence: 3 })).run();
  await attemptOf(runtimeOf({ generate }), claimOf({ fence: 4 })).run();
  expect(ids).toEqual(["job_1-3", "job_1-4"]);
});

/** A runtime whose one task runs until it is stopped. */
function stoppable() {
  const stopped = Promise.withResolvers<GenerateOutcome>();
  const started = Promise.withResolvers<void>();
  const runtime = runtimeOf({
    generate: (_task, onChunk) => {
      onChunk({ tokens: [1], text: "o" });
      started.resolve();
      return stopped.promise;
    },
    stop: (_id, reason) => stopped.resolve(outcome(reason)),
  });
  return { runtime, started: started.promise };
}

test("a job that is handed back goes to its queue", async () => {
  const { runtime, started } = stoppable();
  const attempt = attemptOf(runtime);
  const ending = attempt.run();
  await started;
  attempt.stop("handback");
  expect(await ending).toEqual({ status: "queued" });
});

test("a stop that comes before the engine has the task is not lost", async () => {
  const { runtime } = stoppable();
  const attempt = attemptOf(runtime);
  attempt.stop("handback");
  expect(await attempt.run()).toEqual({ status: "queued" });
});

test("a job that had finished when it was to be handed back stays finished", async () => {
  const attempt = attemptOf(runtimeOf({ generate: async () => outcome("stop") }));
  attempt.stop("handback");
  expect(await attempt.run()).toMatchObject({ status: "succeeded" });
});

test("an attempt that is fenced off ends without an ending", async () => {
  const { runtime } = stoppable();
  expect(await attemptOf(runtime, claimOf(), async () => ({ outcome: "fenced", last: 0 })).run()).toBeNull();
});

test("a stop request that comes back with an append ends the job", async () => {
  const { runtime } = stoppable();
  const attempt = attemptOf(runtime, claimOf(), async () => ({ outcome: "appended", stop: "deadline" }));
  expect(await attempt.run()).toMatchObject({ status: "expired", result: { finish_reason: "deadline" } });
});

const fails = (error: unknown) => runtimeOf({ generate: () => Promise.reject(error) });

test("an error that might pass sends the job back, until the third attempt", async () => {
  const crash = new AppError("engine_crashed", "The engine ended.");
  expect(await attemptOf(fails(crash), claimOf({ attempt: 2 })).run()).toEqual({ status: "queued" });
  expect(await attemptOf(fails(crash), claimOf({ attempt: 3 })).run()).toEqual({
    status: "failed",
    error: { code: "engine_crashed", message: "The engine ended." },
  });
});

test("an error that will not pass fails the job at once", async () => {
  const error = new AppError("context_length_exceeded", "2000 tokens; tiny holds 1024.");
  expect(await attemptOf(fails(error)).run()).toMatchObject({ status: "failed", error: { code: "context_length_exceeded" } });
});

test("a foreign error never reaches the caller's eyes", async () => {
  const ending = await attemptOf(fails(new Error("/home/secret")), claimOf({ attempt: 3 })).run();
  expect(ending).toEqual({ status: "failed", error: { code: "engine_failed", message: "The engine failed on this job." } });
});

import { AppError, type GenerateOutcome, type Runtime, type ToolCall } from "@llamero/core";
import type { Store } from "@llamero/store";
import { expect, test } from "vitest";
import { appended, attemptOf, claimOf, outcome, runtimeOf, stored, timings, usage } from "./attempt-test-kit.ts";

test.each([
  ["stop", "succeeded"],
  ["length", "succeeded"],
  ["tool_calls", "succeeded"],
  ["cancelled", "cancelled"],
  ["deadline", "expired"],
] as const)("an outcome of %s ends the job as %s, with text, usage and timings", async (finishReason, status) => {
  const attempt = attemptOf(runtimeOf({ generate: async () => outcome(finishReason) }));
  expect(await attempt.run()).toEqual({
    status,
    completionTokens: 1,
    tail: "k",
    result: { text: "ok", finish_reason: finishReason, usage, timings: stored },
  });
});

test("tool calls are stored beside the text", async () => {
  const toolCalls: ToolCall[] = [{ id: "call_1", type: "function", function: { name: "now", arguments: "{}" } }];
  const attempt = attemptOf(runtimeOf({ generate: async () => ({ ...outcome("tool_calls"), toolCalls }) }));
  expect(await attempt.run()).toMatchObject({ result: { text: "ok", tool_calls: toolCalls } });
});

test("embeddings are stored as they come", async () => {
  const request = { v: 1, type: "embedding", input: ["a"] } as const;
  const attempt = attemptOf(
    runtimeOf({ embed: async () => ({ embeddings: [[1, 0]], usage, timings }) }),
    claimOf({ request: { ...request, input: [...request.input] } }),
  );
  expect(await attempt.run()).toMatchObject({ status: "succeeded", result: { embeddings: [[1, 0]] } });
});

test("scores are stored as they come", async () => {
  const results = [
    { index: 1, relevance_score: 0.75 },
    { index: 0, relevance_score: 0.25 },
  ];
  const attempt = attemptOf(
    runtimeOf({ rerank: async () => ({ results, usage, timings }) }),
    claimOf({ request: { v: 1, type: "rerank", query: "a", documents: ["b", "c"] } }),
  );
  expect(await attempt.run()).toMatchObject({ status: "succeeded", result: { results }, completionTokens: 0 });
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

const emitted = { chunks: 2, tokens: [1, 2, 3], text: "so far" };

test("a later attempt goes on behind what is there, in tokens, chunks and the time of the first token", async () => {
  const tasks: unknown[] = [];
  const ordinals: number[] = [];
  const generate: Runtime["generate"] = async (task, onChunk) => {
    tasks.push(task);
    onChunk({ tokens: [4], text: "!" });
    return outcome("stop");
  };
  const append: Store["append"] = async (_claim, k) => {
    ordinals.push(k);
    return appended();
  };
  const ending = await attemptOf(runtimeOf({ generate }), claimOf({ emitted, firstTokenMs: 7 }), append).run();
  expect(tasks).toMatchObject([{ emitted: { tokens: [1, 2, 3], text: "so far" } }]);
  expect(ordinals).toEqual([3]);
  expect(ending).toMatchObject({ result: { timings: { ...stored, first_token_ms: 7 } } });
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

test.each(["handback", "cancelled", "deadline"] as const)(
  "an embedding that is stopped (%s) leaves its end to the store",
  async (cause) => {
    const stopped = Promise.withResolvers<never>();
    const runtime = runtimeOf({
      embed: () => stopped.promise,
      stop: (_id, reason) => stopped.reject(new AppError(reason === "deadline" ? "deadline_exceeded" : "cancelled", "Stopped.")),
    });
    const attempt = attemptOf(runtime, claimOf({ request: { v: 1, type: "embedding", input: ["a"] } }));
    const ending = attempt.run();
    attempt.stop(cause);
    expect(await ending).toEqual({ status: "queued" });
  },
);

test("a job whose engine does not let go of it is handed back all the same", async () => {
  const attempt = attemptOf(runtimeOf({ generate: () => new Promise(() => {}) }));
  const ending = attempt.run();
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

/** A runtime that gives one token and then ends the task as told. */
function afterOneToken(end: () => Promise<GenerateOutcome>) {
  return runtimeOf({
    generate: (_task, onChunk) => {
      onChunk({ tokens: [1], text: "o" });
      return end();
    },
  });
}

test.each<[string, () => Promise<GenerateOutcome>, object]>([
  ["the engine crashes", () => Promise.reject(new AppError("engine_crashed", "gone")), { status: "queued", countsAs: "crashes" }],
  ["the engine does not let go of it", () => new Promise(() => {}), { status: "queued" }],
])("what has come is stored before the job goes back because %s", async (_why, end, expected) => {
  const written: unknown[] = [];
  const attempt = attemptOf(afterOneToken(end), claimOf(), async (_claim, k, chunk) => {
    written.push([k, chunk.tokens]);
    return appended();
  });
  const ending = attempt.run();
  if (!("countsAs" in expected)) attempt.stop("handback");
  expect(await ending).toEqual(expected);
  expect(written).toEqual([[1, [1]]]);
});

test("a crash counts as one also when the last tokens cannot be stored", async () => {
  const end = () => Promise.reject(new AppError("engine_crashed", "gone"));
  const full = () => Promise.reject(new AppError("redis_memory_full", "full"));
  const attempt = attemptOf(afterOneToken(end), claimOf(), full);
  const ending = attempt.run();
  // Until then Redis is waited for.
  attempt.stop("handback");
  expect(await ending).toEqual({ status: "queued", countsAs: "crashes" });
});

test("an attempt that is fenced off ends without an ending", async () => {
  const { runtime } = stoppable();
  expect(await attemptOf(runtime, claimOf(), async () => ({ outcome: "fenced", last: 0 })).run()).toBeNull();
});

test("a stop request that comes back with an append ends the job", async () => {
  const { runtime } = stoppable();
  const attempt = attemptOf(runtime, claimOf(), async () => ({ outcome: "appended", stop: "deadline", isWatched: false }));
  expect(await attempt.run()).toMatchObject({ status: "expired", result: { finish_reason: "deadline" } });
});

test.each([true, false])("tells the engine who reads along, watched from the start: %s", async (isWatched) => {
  const followed = Promise.withResolvers<string>();
  const generate: Runtime["generate"] = async ({ isFollowed }, onChunk) => {
    expect(isFollowed).toBe(isWatched);
    onChunk({ tokens: new Array<number>(24).fill(1), text: "x" });
    if (!isWatched) expect(await followed.promise).toBe("job_1-3");
    return outcome("stop");
  };
  const append: Store["append"] = async () => ({ outcome: "appended", stop: null, isWatched: true });
  const runtime = runtimeOf({ generate, follow: followed.resolve });
  expect(await attemptOf(runtime, claimOf({ isWatched }), append).run()).toMatchObject({ status: "succeeded" });
});

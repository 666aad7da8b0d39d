import { AppError, type GenerateOutcome, type Runtime } from "@llamero/core";
import { modelMark, type Store } from "@llamero/store";
import { expect, test } from "vitest";
import type { AttemptOptions } from "./attempt.ts";
import { appended, attemptOf, claimOf, outcome, runtimeOf, timings, usage } from "./attempt-test-kit.ts";

const answers = runtimeOf({
  generate: async (_task, onChunk) => {
    onChunk({ tokens: [1], text: "o" });
    return { ...outcome("stop"), text: "ok", tail: "" };
  },
});

test("what a hook makes of an answer is all that goes out, as a whole", async () => {
  const seen: unknown[] = [];
  const afterFinish: AttemptOptions["afterFinish"] = async ({ id, owner, model, output }) => {
    seen.push({ id, owner, model, output });
    return { ...output, text: "better" };
  };
  const written: unknown[] = [];
  const append: Store["append"] = async (_claim, _k, chunk) => {
    written.push(chunk);
    return appended();
  };
  const ending = await attemptOf(answers, claimOf(), append, { afterFinish }).run();
  expect(ending).toMatchObject({ status: "succeeded", tail: "better", result: { text: "better", finish_reason: "stop" } });
  expect(written).toEqual([]);
  expect(seen).toEqual([{ id: "job_1", owner: "local", model: "tiny", output: { text: "ok", finish_reason: "stop" } }]);
});

test("a hook that fails ends the job, and nothing of the answer goes out", async () => {
  const afterFinish = () => Promise.reject(new AppError("hook_failed", "The hook failed."));
  const ending = await attemptOf(answers, claimOf(), appended, { afterFinish }).run();
  expect(ending).toEqual({ status: "failed", error: { code: "hook_failed", message: "The hook failed." } });
});

test("a job that is handed back is seen by no hook here, and may give its slot to another while there is one", async () => {
  const stopped = Promise.withResolvers<GenerateOutcome>();
  const started = Promise.withResolvers<void>();
  const runtime = runtimeOf({
    generate: () => {
      started.resolve();
      return stopped.promise;
    },
    stop: () => stopped.resolve(outcome("cancelled")),
  });
  let calls = 0;
  const afterFinish: AttemptOptions["afterFinish"] = async ({ output }) => {
    calls += 1;
    return output;
  };
  const attempt = attemptOf(runtime, claimOf(), appended, { afterFinish });
  const ending = attempt.run();
  await started.promise;
  expect(attempt.hasSlot).toBe(true);
  attempt.stop("preempted");
  expect(await ending).toEqual({ status: "queued", countsAs: "preempted" });
  expect(calls).toBe(0);
});

test("while there is a hook, no vector is kept for others by itself", async () => {
  const embed: Runtime["embed"] = async () => ({ embeddings: [[1, 0]], usage, timings, inputTokens: [2] });
  const mark = modelMark({ digest: "d", context_length: 1 });
  const models = [{ name: "tiny", digest: "d", context_length: 1 }] as unknown as Runtime["models"];
  let kept = 0;
  const reuse = { findVectors: async () => new Map(), keepVectors: async () => void kept++ };
  const claim = claimOf({ request: { v: 1, type: "embedding", input: ["a"] }, reuseKey: `${mark}.x` });
  const store = { append: appended, reuse } as unknown as Store;
  const run = (afterFinish: AttemptOptions["afterFinish"]) =>
    attemptOf(runtimeOf({ embed, models }), claim, appended, { store, afterFinish }).run();
  await run(async ({ output }) => output);
  expect(kept).toBe(0);
  await run(null);
  expect(kept).toBe(1);
});

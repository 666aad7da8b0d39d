import { AppError, type GenerateOutcome } from "@llamero/core";
import type { Store } from "@llamero/store";
import { expect, test } from "vitest";
import { attemptOf, claimOf, runtimeOf, timings, usage } from "./attempt-test-kit.ts";

/** An attempt that has made a token when it loses its lock; `answer` is what the store says of whose the job is. */
async function withoutLock() {
  const answer = Promise.withResolvers<boolean>();
  const written: number[] = [];
  const append: Store["append"] = async (_claim, k) => {
    written.push(k);
    return { outcome: "appended", stop: null, isWatched: false };
  };
  const store = { append, isHeld: () => answer.promise } as unknown as Store;
  const stopped = Promise.withResolvers<GenerateOutcome>();
  const started = Promise.withResolvers<void>();
  const runtime = runtimeOf({
    generate: (_task, onChunk) => {
      onChunk({ tokens: [1], text: "o" });
      started.resolve();
      return stopped.promise;
    },
    stop: (_id, finishReason) => stopped.resolve({ text: "o", tail: "", finishReason, usage, timings }),
  });
  const attempt = attemptOf(runtime, claimOf(), append, { store });
  const ending = attempt.run();
  await started.promise;
  attempt.lockLost();
  return { ending, runtime, answer, written };
}

test("a lost lock pauses the writes until the record says that the job is still the attempt's own", async () => {
  const { ending, runtime, answer, written } = await withoutLock();
  runtime.stop("", "cancelled");
  await new Promise(setImmediate);
  expect(written).toEqual([]);
  answer.resolve(true);
  expect(await ending).toMatchObject({ status: "cancelled" });
  expect(written).toEqual([1]);
});

test("a lost lock ends the attempt when its job is somebody else's", async () => {
  const { ending, answer } = await withoutLock();
  answer.resolve(false);
  expect(await ending).toBeNull();
});

test("a record that cannot be read ends nothing", async () => {
  const { ending, runtime, answer, written } = await withoutLock();
  answer.reject(new AppError("redis_unavailable", "away"));
  runtime.stop("", "cancelled");
  expect(await ending).toMatchObject({ status: "cancelled" });
  expect(written).toEqual([1]);
});

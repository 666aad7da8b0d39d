import { AppError, type GenerateOutcome, type Runtime } from "@llamero/core";
import { createLogger } from "@llamero/process";
import type { Claim, Store } from "@llamero/store";
import { expect, test } from "vitest";
import { Attempt } from "./attempt.ts";

const logger = createLogger({ name: "test", level: "silent" });

const claim: Claim = {
  jobId: "job_1",
  fence: 3,
  attempt: 1,
  owner: "local",
  slug: "tiny",
  priority: "normal",
  mayYield: false,
  session: null,
  counts: { lost: 0, crashes: 0, failures: 0, backend: 0, preempted: 0 },
  request: { v: 1, type: "completion", prompt: "hi", params: { seed: 1 } },
  queueMs: 0,
  isWatched: false,
  emitted: { chunks: 0, tokens: [], text: "" },
  firstTokenMs: null,
  reuseKey: null,
};
const usage = { prompt_tokens: 2, cached_tokens: 0, completion_tokens: 1, total_tokens: 3 };
const timings = { wait_ms: 1, prefill_ms: 2, generate_ms: 3 };

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
  const runtime = {
    models: [],
    isOver: false,
    generate: (_task, onChunk) => {
      onChunk({ tokens: [1], text: "o" });
      started.resolve();
      return stopped.promise;
    },
    stop: (_id, finishReason) => stopped.resolve({ text: "o", tail: "", finishReason, usage, timings }),
  } as Partial<Runtime> as Runtime;
  const attempt = new Attempt({
    store,
    engine: async () => runtime,
    claim,
    model: "tiny",
    afterFinish: null,
    logger,
    onWaiting: () => {},
  });
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

import type { GenerateOutcome, Runtime } from "@llamero/core";
import { createLogger } from "@llamero/process";
import type { Claim, Store } from "@llamero/store";
import { Attempt, type AttemptOptions } from "./attempt.ts";

export const logger = createLogger({ name: "test", level: "silent" });

export const usage = { prompt_tokens: 2, cached_tokens: 0, completion_tokens: 1, total_tokens: 3 };
export const timings = { wait_ms: 1, prefill_ms: 2, generate_ms: 3 };
/** Of a job that has waited for 9 ms in the queue. */
export const stored = { queue_ms: 10, prefill_ms: 2, first_token_ms: 12, generate_ms: 3 };
export const chat = { v: 1, type: "chat", messages: [{ role: "user", content: "hi" }], params: { seed: 1 } } as const;

export function claimOf(over: Partial<Claim> = {}): Claim {
  return {
    jobId: "job_1",
    fence: 3,
    attempt: 1,
    owner: "local",
    slug: "tiny",
    priority: "normal",
    mayYield: false,
    session: null,
    counts: { lost: 0, crashes: 0, failures: 0, backend: 0, preempted: 0 },
    request: { ...chat, messages: [...chat.messages] },
    queueMs: 9,
    isWatched: false,
    emitted: { chunks: 0, tokens: [], text: "" },
    firstTokenMs: null,
    reuseKey: null,
    trace: null,
    ...over,
  };
}

export function runtimeOf(over: Partial<Runtime>): Runtime {
  const refuse = () => Promise.reject(new Error("not expected"));
  const nothing = { generate: refuse, embed: refuse, rerank: refuse, follow: () => {}, stop: () => {}, close: async () => {} };
  return { models: [], isOver: false, ...nothing, ...over };
}

export const appended = async () => ({ outcome: "appended", stop: null, isWatched: false }) as const;

export function attemptOf(
  runtime: Runtime,
  claim = claimOf(),
  append: Store["append"] = appended,
  over: Partial<AttemptOptions> = {},
) {
  // Only `append` is called by an attempt that keeps its lock.
  const store = { append } as Store;
  const options = { store, engine: async () => runtime, claim, model: "tiny", afterFinish: null, logger, onWaiting: () => {} };
  return new Attempt({ ...options, ...over });
}

export const outcome = (finishReason: GenerateOutcome["finishReason"]): GenerateOutcome => ({
  text: "ok",
  tail: "k",
  finishReason,
  usage,
  timings,
});

import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { begin, chat, completion, generate, joined, startTiny, story } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 1, flushMs: 1 });
});
afterAll(() => engine.close());

const endless = () => chat(story, { ignore_eos: true });

test.each(["cancelled", "deadline"] as const)("a task stopped as %s resolves with what it has", async (reason) => {
  const task = begin(engine, endless());
  await task.firstChunk;
  engine.stop(task.id, reason);
  const outcome = await task.outcome;
  expect(outcome.finishReason).toBe(reason);
  expect(outcome.usage.completion_tokens).toBeGreaterThan(0);
  expect(outcome.usage.total_tokens).toBeLessThan(1024);
  expect(joined(task.chunks).text + outcome.tail).toBe(outcome.text);
});

test("a long prompt is left between two chunks of it", async () => {
  const pair = await startTiny({ slots: 2, flushMs: 1 });
  const clock = begin(pair, endless());
  await clock.firstChunk;
  const request = completion("the quick brown llama jumps over the lazy frog. ".repeat(40), { max_tokens: 1 });
  const long = begin(pair, request);
  // Each token of the other task is a step; a chunk of this prompt takes one too.
  await clock.tokensMore(4);
  pair.stop(long.id, "cancelled");
  expect(await long.outcome).toMatchObject({ text: "", finishReason: "cancelled", usage: { completion_tokens: 0 } });
  // What the slot still holds of the prompt says how far it came.
  const { usage } = await generate(pair, request);
  expect(usage.prompt_tokens).toBeGreaterThan(700);
  expect(usage.cached_tokens).toBeGreaterThanOrEqual(64);
  expect(usage.cached_tokens).toBeLessThan(usage.prompt_tokens - 64);
  pair.stop(clock.id, "cancelled");
  await clock.outcome;
  await pair.close();
});

test("a task that waits for a slot is stopped at once, and the next gets its turn", async () => {
  const running = begin(engine, endless());
  await running.firstChunk;
  const waiting = begin(engine, chat("What is 7 + 5?"));
  const next = begin(engine, chat("Classify the sentiment: I love it."));
  engine.stop(waiting.id, "deadline");
  expect(await waiting.outcome).toMatchObject({ text: "", finishReason: "deadline", timings: { prefill_ms: null } });
  engine.stop(running.id, "cancelled");
  expect((await next.outcome).text).toBe("positive");
});

test("stopping what is not under way changes nothing", async () => {
  engine.stop("never-heard-of", "cancelled");
  expect((await generate(engine, chat("Classify the sentiment: I love it."))).text).toBe("positive");
});

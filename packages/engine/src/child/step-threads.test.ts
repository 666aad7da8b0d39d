import type { LlamaContext } from "node-llama-cpp";
import { expect, test } from "vitest";
import { chooseThreadsPerStep } from "./step-threads.ts";

/** A context as the library makes it: the native method is a read-only property of the prototype. */
function contextWith(set: number[]): LlamaContext {
  const prototype = Object.defineProperty({}, "setThreads", { value: (threads: number) => set.push(threads), writable: false });
  return { _ctx: Object.create(prototype) } as unknown as LlamaContext;
}

test("asks before each step, whatever number the library wants to set", () => {
  const set: number[] = [];
  const context = contextWith(set) as unknown as { _ctx: { setThreads(threads: number): void } };
  let next = 2;
  expect(chooseThreadsPerStep(context as unknown as LlamaContext, () => next)).toBe(true);
  context._ctx.setThreads(1);
  next = 1;
  context._ctx.setThreads(7);
  expect(set).toEqual([2, 1]);
});

test("leaves a context alone that has another inside", () => {
  expect(chooseThreadsPerStep({} as LlamaContext, () => 1)).toBe(false);
});

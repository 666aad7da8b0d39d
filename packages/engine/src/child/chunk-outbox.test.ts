import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TaskChunk } from "../protocol.ts";
import { ChunkOutbox } from "./chunk-outbox.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("sends the tokens of all tasks in one message when the first of them may wait no longer", () => {
  const sent: TaskChunk[][] = [];
  const outbox = new ChunkOutbox((chunks) => sent.push(chunks));
  outbox.add("a", { tokens: [1], text: "x" }, 100);
  outbox.add("b", { tokens: [2], text: "y" }, 25);
  outbox.add("a", { tokens: [3], text: "z" }, 100);
  vi.advanceTimersByTime(24);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual([
    [
      { taskId: "a", tokens: [1, 3], text: "xz" },
      { taskId: "b", tokens: [2], text: "y" },
    ],
  ]);
});

test("flushes at once when asked, and then waits for new tokens", () => {
  const sent: TaskChunk[][] = [];
  const outbox = new ChunkOutbox((chunks) => sent.push(chunks));
  outbox.add("a", { tokens: [1], text: "x" }, 25);
  outbox.flush();
  vi.advanceTimersByTime(100);
  expect(sent).toHaveLength(1);
  outbox.add("a", { tokens: [2], text: "y" }, 100);
  vi.advanceTimersByTime(99);
  expect(sent).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(sent).toHaveLength(2);
});

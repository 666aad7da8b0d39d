import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TaskChunk } from "../protocol.ts";
import { ChunkOutbox } from "./chunk-outbox.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("sends the tokens of all tasks in one message per interval", () => {
  const sent: TaskChunk[][] = [];
  const outbox = new ChunkOutbox(25, (chunks) => sent.push(chunks));
  outbox.add("a", { tokens: [1], text: "x" });
  outbox.add("b", { tokens: [2], text: "y" });
  outbox.add("a", { tokens: [3], text: "z" });
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
  const outbox = new ChunkOutbox(25, (chunks) => sent.push(chunks));
  outbox.add("a", { tokens: [1], text: "x" });
  outbox.flush();
  vi.advanceTimersByTime(100);
  expect(sent).toHaveLength(1);
});

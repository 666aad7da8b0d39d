import { expect, test } from "vitest";
import { ContextGate } from "./context-gate.ts";

test("is closed while any work is held, and opens when the last is done", async () => {
  const gate = new ContextGate();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = [gate.hold(() => first.promise), gate.hold(() => second.promise)];
  const opened = gate.opened();
  first.resolve();
  await held[0];
  expect(gate.closed).toBe(true);
  expect(gate.opened()).toBe(opened);
  second.resolve();
  await Promise.all([...held, opened]);
  expect([gate.closed, gate.opened()]).toEqual([false, null]);
});

test("opens after work that failed", async () => {
  const gate = new ContextGate();
  await expect(gate.hold(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(gate.closed).toBe(false);
});

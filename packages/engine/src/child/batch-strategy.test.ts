import { expect, test } from "vitest";
import { BatchStrategy } from "./batch-strategy.ts";

const item = (lane: number, tokens: number) => ({ tokens: new Array<number>(tokens).fill(0), evaluationPriority: lane });
const lanes = (parts: { item: { evaluationPriority: number }; processAmount: number }[]) =>
  parts.map((part) => [part.item.evaluationPriority, part.processAmount]);

test("orders a batch by sequence", () => {
  const { prioritize } = new BatchStrategy({ slots: 4 });
  expect(lanes(prioritize({ items: [item(3, 1), item(1, 1), item(2, 1)], size: 512 }))).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
});

test("gives every decoding sequence its token before prefills share the rest", () => {
  const { prioritize } = new BatchStrategy({ slots: 4 });
  const items = [item(1, 600), item(2, 1), item(3, 20), item(4, 1)];
  expect(lanes(prioritize({ items, size: 102 }))).toEqual([
    [1, 80],
    [2, 1],
    [3, 20],
    [4, 1],
  ]);
});

test("never plans more than fits", () => {
  const { prioritize } = new BatchStrategy({ slots: 4 });
  const parts = prioritize({ items: [item(1, 1), item(2, 1), item(3, 1), item(4, 9)], size: 2 });
  expect(parts.reduce((sum, part) => sum + part.processAmount, 0)).toBe(2);
});

test("waits for running sequences that have not queued, and goes without them after a while", () => {
  const strategy = new BatchStrategy({ slots: 4 });
  strategy.setRunning(1, true);
  strategy.setRunning(2, true);
  const batch = { items: [item(1, 1)], size: 512 };
  expect(strategy.prioritize(batch)).toEqual([]);
  expect(lanes(strategy.prioritize({ items: [item(1, 1), item(2, 1)], size: 512 }))).toHaveLength(2);
  let waits = 0;
  while (strategy.prioritize(batch).length === 0) waits++;
  expect(waits).toBe(64);
});

test("waits neither for sequences that ended nor while queueing is paused", () => {
  let paused = false;
  const strategy = new BatchStrategy({ slots: 4, paused: () => paused });
  strategy.setRunning(1, true);
  strategy.setRunning(2, true);
  strategy.setRunning(2, false);
  expect(strategy.prioritize({ items: [item(1, 1)], size: 512 })).toHaveLength(1);
  strategy.setRunning(2, true);
  paused = true;
  expect(strategy.prioritize({ items: [item(1, 1)], size: 512 })).toHaveLength(1);
});

test("runs what is to be done between steps before the next one, which waits for its lane", async () => {
  const strategy = new BatchStrategy({ slots: 2 });
  strategy.setRunning(1, true);
  strategy.setRunning(2, true);
  const done = strategy.betweenSteps(2, () => true);
  expect(strategy.prioritize({ items: [item(1, 1)], size: 8 })).toEqual([]);
  expect(await done).toBe(true);
  expect(strategy.prioritize({ items: [item(1, 1), item(2, 5)], size: 8 })).toHaveLength(2);
});

test("says at once that no step will come when nobody else runs, also when the last other lane ends", async () => {
  const strategy = new BatchStrategy({ slots: 2 });
  const ran: string[] = [];
  const act = (name: string) => () => ran.push(name) > 0;
  strategy.setRunning(1, true);
  expect(await strategy.betweenSteps(1, act("alone"))).toBe(false);
  strategy.setRunning(2, true);
  const waiting = strategy.betweenSteps(1, act("waiting"));
  strategy.setRunning(2, false);
  expect(await waiting).toBe(false);
  expect(ran).toEqual([]);
});

test("counts who takes part in steps against who could", () => {
  const strategy = new BatchStrategy({ slots: 4 });
  strategy.prioritize({ items: [item(1, 1), item(2, 6)], size: 8 });
  expect(strategy.counts).toEqual({ steps: 1, occupied: 2, capacity: 4, decodedTokens: 1, prefillTokens: 6 });
});

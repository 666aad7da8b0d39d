import { expect, test } from "vitest";
import { planBatch } from "./batch-plan.ts";

const queued = (sequenceId: number, tokens: number) => ({ sequenceId, tokens: new Array<number>(tokens).fill(0) });

function planned(queue: ReturnType<typeof queued>[], size: number): [number, number][] {
  return planBatch(queue, size).map((part) => [part.queued.sequenceId, part.amount]);
}

test("orders a batch by sequence", () => {
  expect(planned([queued(3, 1), queued(1, 1), queued(2, 1)], 512)).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
});

test("gives every decoding sequence its token before prefills share the rest", () => {
  expect(planned([queued(1, 600), queued(2, 1), queued(3, 20), queued(4, 1)], 102)).toEqual([
    [1, 80],
    [2, 1],
    [3, 20],
    [4, 1],
  ]);
});

test("never plans more than fits", () => {
  const amounts = planned([queued(1, 1), queued(2, 1), queued(3, 1), queued(4, 9)], 2).map(([, amount]) => amount);
  expect(amounts.reduce((sum, amount) => sum + amount)).toBe(2);
});

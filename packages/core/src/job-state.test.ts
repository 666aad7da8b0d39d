import { describe, expect, test } from "vitest";
import { canMove, isTerminal, type JobStatus, jobStatuses, terminalStatuses, transitions } from "./job-state.ts";

const legal = new Set([
  "scheduled queued",
  "scheduled cancelled",
  "scheduled expired",
  "queued running",
  "queued succeeded",
  "queued cancelled",
  "queued expired",
  "running queued",
  "running succeeded",
  "running failed",
  "running cancelled",
  "running expired",
]);

describe.each(jobStatuses)("a job that is %s", (from) => {
  test.each(jobStatuses)("may or may not become %s, as the state machine is drawn", (to) => {
    expect(canMove(from, to)).toBe(legal.has(`${from} ${to}`));
  });
});

test("ends in four states and leaves none of them", () => {
  expect(jobStatuses.filter(isTerminal)).toEqual([...terminalStatuses]);
  for (const status of terminalStatuses) expect(transitions[status]).toEqual([]);
});

test("can reach every state from a new job, and an end from every state", () => {
  const reach = (from: JobStatus): Set<JobStatus> => {
    const seen = new Set<JobStatus>([from]);
    for (const status of seen) for (const next of transitions[status]) seen.add(next);
    return seen;
  };
  expect(new Set([...reach("scheduled"), ...reach("queued")])).toEqual(new Set(jobStatuses));
  for (const status of jobStatuses) expect(Array.from(reach(status)).some(isTerminal)).toBe(true);
});

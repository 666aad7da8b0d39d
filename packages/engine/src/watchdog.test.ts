import { afterEach, expect, test } from "vitest";
import type { EngineProgress } from "./protocol.ts";
import { Watchdog } from "./watchdog.ts";

let open: Watchdog[] = [];
afterEach(() => {
  for (const watchdog of open) watchdog.close();
  open = [];
});

/** A watchdog with limits of 4 s and 10 s on a clock that moves by one look (1 s) at a time. */
function watched() {
  const hung: string[] = [];
  let time = 0;
  const watchdog = new Watchdog({ silentMs: 4_000, stuckMs: 10_000, onHung: (what) => hung.push(what), now: () => time });
  open.push(watchdog);
  /** Lets seconds pass, with a look and, unless it is silent, a heartbeat in each. */
  const pass = (seconds: number, beat: (second: number) => EngineProgress[string] | null = () => null) => {
    for (let second = 1; second <= seconds; second++) {
      time += 1_000;
      const progress = beat(second);
      if (progress !== null) {
        watchdog.heard();
        watchdog.progressed({ "tiny/0": progress });
      }
      watchdog.look();
    }
  };
  const jump = (ms: number) => {
    time += ms;
    watchdog.look();
  };
  return { hung, pass, jump };
}

test("a child that is silent for the limit is given up, once", () => {
  const { hung, pass } = watched();
  pass(3);
  expect(hung).toEqual([]);
  pass(3);
  expect(hung[0]).toBe("said nothing for 4 s");
});

test("a child that beats while idle is left alone", () => {
  const { hung, pass } = watched();
  pass(60, () => ({ busy: 0, steps: 7 }));
  expect(hung).toEqual([]);
});

test("a busy context whose steps stand still is given up", () => {
  const { hung, pass } = watched();
  pass(5, (second) => ({ busy: 1, steps: second }));
  pass(9, () => ({ busy: 1, steps: 5 }));
  expect(hung).toEqual([]);
  pass(1, () => ({ busy: 1, steps: 5 }));
  expect(hung).toEqual(["finished no step of tiny/0 for 10 s"]);
});

test("steps below the limit are slow, not stuck", () => {
  const { hung, pass } = watched();
  pass(90, (second) => ({ busy: 1, steps: Math.floor(second / 9) }));
  expect(hung).toEqual([]);
});

test("a step that is known to be longer has more time, in proportion", () => {
  const { hung, pass } = watched();
  pass(1, () => ({ busy: 0, steps: 3 }));
  pass(19, () => ({ busy: 1, steps: 3, stepTokens: 1_024 }));
  expect(hung).toEqual([]);
  pass(1, () => ({ busy: 1, steps: 3, stepTokens: 1_024 }));
  expect(hung).toEqual(["finished no step of tiny/0 for 20 s"]);
});

test("the clock of a context starts when it gets work", () => {
  const { hung, pass } = watched();
  pass(30, () => ({ busy: 0, steps: 3 }));
  pass(9, () => ({ busy: 2, steps: 3 }));
  expect(hung).toEqual([]);
});

test("one that was stopped itself starts its clocks anew", () => {
  const { hung, pass, jump } = watched();
  pass(2, () => ({ busy: 1, steps: 1 }));
  jump(600_000);
  pass(3);
  expect(hung).toEqual([]);
  pass(1);
  expect(hung).toEqual(["said nothing for 4 s"]);
});

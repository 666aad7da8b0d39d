import type { Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import type { NativeContext } from "./native-context.ts";
import type { SequenceState } from "./sequence-state.ts";
import { StepLoop } from "./step-loop.ts";
import type { TokenSampler } from "./token-sampler.ts";

/** One step: sequence → tokens. */
type Step = Record<number, number>;

/** A context that notes its steps and samples the number of the step. */
class NotedContext {
  readonly steps: Step[] = [];
  readonly threads: number[] = [];
  /** Held back until resolved, when set. */
  gate: Promise<void> | null = null;
  /** The step that fails, from 1. */
  failing = 0;
  #step: Step = {};

  readonly native: NativeContext = {
    initBatch: () => {
      this.#step = {};
    },
    addToBatch: (sequenceId, _first, tokens, wanted) => {
      this.#step[sequenceId] = tokens.length;
      return wanted;
    },
    decodeBatch: async () => {
      await this.gate;
      if (this.steps.push(this.#step) === this.failing) throw new Error("Eval has failed");
    },
    sampleToken: async () => this.steps.length,
    setThreads: (threads) => this.threads.push(threads),
    removeTokenCellsFromSequence: () => true,
    getSequenceKvCacheMinPosition: () => 0,
  };
}

/** The state of a sequence that notes what it was given. */
function stateOf(id: number): SequenceState & { tokens: Token[] } {
  const tokens: Token[] = [];
  const state = {
    id,
    tokens,
    get length() {
      return tokens.length;
    },
    appended: (more: readonly Token[]) => void tokens.push(...more),
  };
  return state as unknown as SequenceState & { tokens: Token[] };
}

const sampler = {
  sample: (context: NativeContext, logitsAt: number) => context.sampleToken(logitsAt, { applyConfig: () => {} }),
} as unknown as TokenSampler;

const prompt = (length: number) => new Array<Token>(length).fill(7 as Token);

function open(context: NotedContext, batchSize = 64): StepLoop {
  const threads = ({ prefillTokens }: { prefillTokens: number }) => (prefillTokens > 0 ? 2 : 1);
  return new StepLoop({ native: context.native, slots: 4, batchSize, threads });
}

/** A generation of so many tokens. */
function generate(loop: StepLoop, state: SequenceState, promptLength: number, tokens: number): Promise<void> {
  let left = tokens;
  return loop.generate(state, prompt(promptLength), sampler, () => --left > 0);
}

test("sequences that run together step together, and one that ends leaves the others", async () => {
  const context = new NotedContext();
  const loop = open(context);
  for (const id of [0, 1]) loop.setRunning(id, true);
  const [a, b] = [stateOf(0), stateOf(1)];
  const short = generate(loop, a, 3, 2).then(() => loop.setRunning(0, false));
  await Promise.all([short, generate(loop, b, 5, 4)]);
  expect(context.steps).toEqual([{ 0: 3, 1: 5 }, { 0: 1, 1: 1 }, { 1: 1 }, { 1: 1 }]);
  expect(b.tokens).toEqual([7, 7, 7, 7, 7, 1, 2, 3]);
  expect(context.threads).toEqual([2, 1, 1, 1]);
  expect(loop.counts).toEqual({ steps: 4, occupied: 6, capacity: 16, decodedTokens: 4, prefillTokens: 8 });
});

test("a step waits for a running sequence that comes within a turn of the event loop, and for none that does not", async () => {
  const context = new NotedContext();
  const loop = open(context);
  for (const id of [0, 1, 2]) loop.setRunning(id, true);
  const first = generate(loop, stateOf(0), 1, 1);
  const second = Promise.resolve().then(() => generate(loop, stateOf(1), 1, 1));
  await Promise.all([first, second]);
  expect(context.steps).toEqual([{ 0: 1, 1: 1 }]);
});

test("a prompt longer than a batch takes several steps, in which others go on", async () => {
  const context = new NotedContext();
  const loop = open(context, 8);
  for (const id of [0, 1]) loop.setRunning(id, true);
  await Promise.all([
    loop.compute(stateOf(0), prompt(18)).then(() => loop.setRunning(0, false)),
    generate(loop, stateOf(1), 1, 4),
  ]);
  expect(context.steps).toEqual([{ 0: 7, 1: 1 }, { 0: 7, 1: 1 }, { 0: 4, 1: 1 }, { 1: 1 }]);
});

test("an action runs between two steps, and what its caller queues is in the next one", async () => {
  const context = new NotedContext();
  const gate = Promise.withResolvers<void>();
  context.gate = gate.promise;
  const loop = open(context);
  for (const id of [0, 1]) loop.setRunning(id, true);
  loop.setRunning(1, false);
  const going = generate(loop, stateOf(0), 1, 3);
  loop.setRunning(1, true);
  let during: number | null = null;
  const joining = loop
    .between(() => {
      during = context.steps.length;
    })
    .then(() => generate(loop, stateOf(1), 4, 1));
  gate.resolve();
  await Promise.all([going, joining]);
  expect(during).toBe(1);
  expect(context.steps).toEqual([{ 0: 1 }, { 0: 1, 1: 4 }, { 0: 1 }]);
});

test("an action that takes its time keeps the next step waiting, and one that fails is its caller's", async () => {
  const context = new NotedContext();
  const loop = open(context);
  const gate = Promise.withResolvers<void>();
  const slow = loop.between(() => gate.promise);
  const failing = loop.between(() => {
    throw new Error("no");
  });
  const going = generate(loop, stateOf(0), 1, 1);
  await new Promise(setImmediate);
  expect(context.steps).toEqual([]);
  gate.resolve();
  await slow;
  await expect(failing).rejects.toThrow("no");
  await going;
  expect(context.steps).toHaveLength(1);
});

test("a failed step fails those that were in it; the next ones go on", async () => {
  const context = new NotedContext();
  context.failing = 1;
  const loop = open(context);
  for (const id of [0, 1]) loop.setRunning(id, true);
  const both = [generate(loop, stateOf(0), 2, 2), generate(loop, stateOf(1), 2, 2)];
  for (const one of both) await expect(one).rejects.toThrow("Eval has failed");
  loop.setRunning(1, false);
  await generate(loop, stateOf(0), 2, 2);
  expect(context.steps).toHaveLength(3);
});

test("a token that its taker cannot take fails that sequence alone", async () => {
  const context = new NotedContext();
  const loop = open(context);
  for (const id of [0, 1]) loop.setRunning(id, true);
  const bad = loop.generate(stateOf(0), prompt(1), sampler, () => {
    throw new Error("bad token");
  });
  const good = generate(loop, stateOf(1), 1, 2);
  await expect(bad).rejects.toThrow("bad token");
  loop.setRunning(0, false);
  await good;
});

test("is idle when all is done", async () => {
  const context = new NotedContext();
  const loop = open(context);
  await loop.idle();
  const done: string[] = [];
  const going = generate(loop, stateOf(0), 1, 3).then(() => done.push("generated"));
  await Promise.all([going, loop.idle().then(() => done.push("idle"))]);
  expect(done).toEqual(["generated", "idle"]);
});

test("what is withdrawn is over at once, and what the step under way makes of it is kept", async () => {
  const context = new NotedContext();
  const loop = open(context, 4);
  const gate = Promise.withResolvers<void>();
  context.gate = gate.promise;
  for (const id of [0, 1]) loop.setRunning(id, true);
  const [a, b] = [stateOf(0), stateOf(1)];
  const withdrawn = loop.compute(a, prompt(9));
  const other = generate(loop, b, 1, 2);
  await new Promise(setImmediate);
  loop.withdraw(a);
  await withdrawn;
  expect([context.steps.length, a.tokens.length]).toEqual([0, 0]);
  const next = loop.between(() => a.tokens.length);
  gate.resolve();
  // Whoever has the sequence next finds it as the step has left it.
  expect(await next).toBe(3);
  await other;
  expect(context.steps).toEqual([{ 0: 3, 1: 1 }, { 1: 1 }]);
});

test("nothing is sampled of what is withdrawn, and its sequence is free for the next step", async () => {
  const context = new NotedContext();
  const loop = open(context);
  const gate = Promise.withResolvers<void>();
  context.gate = gate.promise;
  const state = stateOf(0);
  let sampled = 0;
  const withdrawn = loop.generate(state, prompt(3), sampler, () => ++sampled > 0);
  await new Promise(setImmediate);
  loop.withdraw(state);
  await withdrawn;
  const next = loop.between(() => {}).then(() => generate(loop, state, 2, 1));
  gate.resolve();
  await next;
  expect([sampled, context.steps]).toEqual([0, [{ 0: 3 }, { 0: 2 }]]);
});

test("what waits for a step that has not begun is withdrawn without one", async () => {
  const context = new NotedContext();
  const loop = open(context);
  loop.setRunning(1, true);
  const state = stateOf(0);
  const withdrawn = loop.compute(state, prompt(3));
  loop.withdraw(state);
  await withdrawn;
  await new Promise(setImmediate);
  expect(context.steps).toEqual([]);
  loop.withdraw(state);
});

test("where the step fails, what was withdrawn is cleared", async () => {
  const context = new NotedContext();
  context.failing = 1;
  const loop = open(context);
  const gate = Promise.withResolvers<void>();
  context.gate = gate.promise;
  let cleared = 0;
  const state = Object.assign(stateOf(0), { clear: async () => void cleared++ });
  const withdrawn = loop.compute(state, prompt(3));
  await new Promise(setImmediate);
  loop.withdraw(state);
  gate.resolve();
  await withdrawn;
  await loop.idle();
  expect(cleared).toBe(1);
});

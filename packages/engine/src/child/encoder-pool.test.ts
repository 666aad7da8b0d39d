import type { Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { type Encoder, EncoderPool, type EncoderPoolOptions } from "./encoder-pool.ts";

interface Step {
  name: number;
  threads: number;
  size: number;
  end: (error?: Error) => Promise<void>;
}

/** An input of so many tokens, all of them its name. */
const input = (name: number, length = 1) => new Array<Token>(length).fill(name as Token);

/** A pool whose steps are ended by hand; a result is its input's name. */
function poolOf(over: Partial<EncoderPoolOptions> = {}) {
  const steps: Step[] = [];
  const sizes: number[] = [];
  let open = 0;
  const openEncoder = async (size: number): Promise<Encoder> => {
    open++;
    sizes.push(size);
    return {
      size,
      encode: ([name = 0], threads) => {
        const { promise, resolve, reject } = Promise.withResolvers<Float64Array>();
        const end = async (error?: Error) => {
          if (error === undefined) resolve(Float64Array.of(name));
          else reject(error);
          await turn();
        };
        steps.push({ name, threads, size, end });
        return promise;
      },
      dispose: async () => {
        open--;
      },
    };
  };
  const pool = new EncoderPool({ open: openEncoder, contextLength: 4_096, contexts: 2, threads: () => 4, ...over });
  const run = (inputs: Token[][], signal = new AbortController().signal) =>
    pool.run(inputs, signal).then(({ outputs }) => outputs.map(([name]) => name));
  return { steps, sizes, run, progress: () => pool.progress(), openNow: () => open };
}

/** All that can go on without a step's end has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("tells how many inputs are under way, how many have ended, and how long the longest is", async () => {
  const { steps, run, progress } = poolOf();
  expect(progress()).toEqual({ busy: 0, steps: 0, stepTokens: 0 });
  const task = run([input(1, 10), input(2, 3)]);
  await turn();
  expect(progress()).toEqual({ busy: 2, steps: 0, stepTokens: 10 });
  await steps[0]?.end();
  expect(progress()).toEqual({ busy: 1, steps: 1, stepTokens: 3 });
  await steps[1]?.end();
  await task;
  expect(progress()).toEqual({ busy: 0, steps: 2, stepTokens: 0 });
});

test("computes the inputs of all tasks in the order they came, as many at once as there are contexts", async () => {
  const { steps, run } = poolOf();
  const first = run([input(1), input(2), input(3)]);
  const second = run([input(4)]);
  await turn();
  expect(steps.map((step) => step.name)).toEqual([1, 2]);
  for (const at of [1, 0, 2, 3]) await steps[at]?.end();
  expect(steps.map((step) => step.name)).toEqual([1, 2, 3, 4]);
  expect(await first).toEqual([1, 2, 3]);
  expect(await second).toEqual([4]);
});

test("shares the threads among the inputs under way, and gives short ones a single thread", async () => {
  const { steps, run } = poolOf();
  const alone = run([input(1, 400)]);
  await turn();
  await steps[0]?.end();
  const both = run([input(2, 400), input(3, 20)]);
  await turn();
  expect(steps.map((step) => step.threads)).toEqual([4, 2, 1]);
  await steps[1]?.end();
  await steps[2]?.end();
  await Promise.all([alone, both]);
});

test("a stop drops the rest of its task at once and nobody else's", async () => {
  const { steps, run } = poolOf({ contexts: 1 });
  const controller = new AbortController();
  const stopped = run([input(1), input(2), input(3)], controller.signal);
  const other = run([input(4)]);
  await turn();
  controller.abort("deadline");
  await expect(stopped).rejects.toMatchObject({ code: "deadline_exceeded" });
  await steps[0]?.end();
  expect(steps.map((step) => step.name)).toEqual([1, 4]);
  await steps[1]?.end();
  expect(await other).toEqual([4]);
});

test("a task that is stopped while its context opens computes nothing", async () => {
  const { steps, run } = poolOf();
  const controller = new AbortController();
  const stopped = run([input(1)], controller.signal);
  controller.abort("cancelled");
  await expect(stopped).rejects.toMatchObject({ code: "cancelled" });
  await turn();
  expect(steps).toEqual([]);
});

test("a task that was stopped before it came computes nothing", async () => {
  const { steps, run } = poolOf();
  await expect(run([input(1)], AbortSignal.abort("cancelled"))).rejects.toMatchObject({ code: "cancelled" });
  await turn();
  expect(steps).toEqual([]);
});

test("an input that fails ends its task and no other", async () => {
  const { steps, run } = poolOf({ contexts: 1 });
  const failed = run([input(1), input(2)]);
  const other = run([input(3)]);
  await turn();
  const refusal = expect(failed).rejects.toMatchObject({ code: "engine_failed" });
  await steps[0]?.end(new Error("Eval has failed"));
  await refusal;
  expect(steps.map((step) => step.name)).toEqual([1, 3]);
  await steps[1]?.end();
  expect(await other).toEqual([3]);
});

test("a context is replaced by a larger one when a longer input comes", async () => {
  const { steps, sizes, run, openNow } = poolOf({ contexts: 1 });
  const all = run([input(1, 10), input(2, 513), input(3, 4_000), input(4, 20)]);
  await turn();
  for (const at of [0, 1, 2, 3]) await steps[at]?.end();
  await all;
  expect(sizes).toEqual([512, 1_024, 4_096]);
  expect(openNow()).toBe(1);
});

test("goes on with the contexts that there is memory for", async () => {
  let opened = 0;
  const { run } = poolOf({
    open: async (size) => {
      if (++opened > 1) throw new Error("no memory");
      return { size, encode: async ([name = 0]) => Float64Array.of(name), dispose: async () => {} };
    },
  });
  expect(await run([input(1), input(2), input(3)])).toEqual([1, 2, 3]);
  expect(await run([input(4), input(5)])).toEqual([4, 5]);
  expect(opened).toBe(2);
});

test("fails the task for which there is no memory at all, and tries again for the next", async () => {
  let isScarce = true;
  const { run } = poolOf({
    open: async (size) => {
      if (isScarce) throw new Error("no memory");
      return { size, encode: async ([name = 0]) => Float64Array.of(name), dispose: async () => {} };
    },
  });
  await expect(run([input(1), input(2)])).rejects.toMatchObject({ code: "engine_failed" });
  isScarce = false;
  expect(await run([input(3)])).toEqual([3]);
});

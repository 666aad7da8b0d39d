import { expect, test } from "vitest";
import { startLoop } from "./repeat.ts";

const never = () => {
  throw new Error("not expected");
};

test("runs passes one after another until it is stopped, and waits for the one under way", async () => {
  const third = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let passes = 0;
  let isOver = false;
  const loop = startLoop({
    pauseMs: 0,
    onError: never,
    pass: async () => {
      passes += 1;
      if (passes < 3) return;
      third.resolve();
      await gate.promise;
      isOver = true;
    },
  });
  await third.promise;
  const stopped = loop.stop();
  gate.resolve();
  await stopped;
  expect({ passes, isOver }).toEqual({ passes: 3, isOver: true });
});

test("reports a failed pass and goes on", async () => {
  const errors: unknown[] = [];
  const second = Promise.withResolvers<void>();
  let passes = 0;
  const loop = startLoop({
    pauseMs: 0,
    onError: (error) => errors.push(error),
    pass: async () => {
      passes += 1;
      if (passes === 1) throw new Error("away");
      second.resolve();
    },
  });
  await second.promise;
  await loop.stop();
  expect(errors).toMatchObject([{ message: "away" }]);
});

test("a stop ends a long pause at once, and stopping twice is legal", async () => {
  const first = Promise.withResolvers<void>();
  const loop = startLoop({ pauseMs: 3_600_000, onError: never, pass: async () => first.resolve() });
  await first.promise;
  await Promise.all([loop.stop(), loop.stop()]);
});

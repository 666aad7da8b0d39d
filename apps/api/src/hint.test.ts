import { expect, test } from "vitest";
import { Hint } from "./hint.ts";

const HOUR_MS = 3_600_000;

test("wakes who sleeps", async () => {
  const hint = new Hint();
  const woken = hint.wait(HOUR_MS);
  hint.give();
  await woken;
});

test("keeps what comes while nobody sleeps, as one", async () => {
  const hint = new Hint();
  hint.give();
  hint.give();
  await hint.wait(HOUR_MS);
  let isAwake = false;
  const second = hint.wait(HOUR_MS).then(() => {
    isAwake = true;
  });
  await Promise.resolve();
  expect(isAwake).toBe(false);
  hint.give();
  await second;
});

test("lets nobody sleep longer than asked", async () => {
  await new Hint().wait(1);
});

test("wakes once more at its end, and says so", async () => {
  const hint = new Hint();
  const woken = hint.wait(HOUR_MS);
  expect(hint.isOver).toBe(false);
  hint.end();
  await woken;
  expect(hint.isOver).toBe(true);
});

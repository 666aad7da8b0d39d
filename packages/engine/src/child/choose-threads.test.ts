import { expect, test } from "vitest";
import { chooseThreads } from "./choose-threads.ts";

function timed(ms: Record<number, number>) {
  const tried: number[] = [];
  const stepMs = async (threads: number) => {
    tried.push(threads);
    return ms[threads] ?? Number.NaN;
  };
  return { tried, stepMs };
}

test("takes one thread where starting more costs more than they do", async () => {
  const { stepMs } = timed({ 4: 9, 2: 8, 1: 1 });
  expect(await chooseThreads(4, stepMs)).toBe(1);
});

test("never times a large model on few threads", async () => {
  const { stepMs, tried } = timed({ 8: 100, 4: 190 });
  expect(await chooseThreads(8, stepMs)).toBe(8);
  expect(tried).toEqual([8, 4]);
});

test("takes the only core there is", async () => {
  const { stepMs } = timed({ 1: 3 });
  expect(await chooseThreads(1, stepMs)).toBe(1);
});

test("takes fewer threads on a near tie, and looks on past a small loss", async () => {
  expect(await chooseThreads(4, timed({ 4: 100, 2: 110, 1: 112 }).stepMs)).toBe(1);
  expect(await chooseThreads(4, timed({ 4: 100, 2: 120, 1: 60 }).stepMs)).toBe(1);
  expect(await chooseThreads(4, timed({ 4: 100, 2: 120, 1: 118 }).stepMs)).toBe(4);
});

import { expect, test } from "vitest";
import { Beginnings } from "./beginnings.ts";

const never = new AbortController().signal;
const tokens = (...groups: [value: number, count: number][]) =>
  groups.flatMap(([value, count]) => new Array<number>(count).fill(value));

interface Held {
  held: number[];
}

/** A slot that holds nothing at first. */
const slot = (): Held => ({ held: [] });

const instructions = tokens([7, 100]);

test("offers what another slot holds, when it is worth a copy", () => {
  const [a, b] = [slot(), slot()];
  const beginnings = new Beginnings<Held>();
  a.held = [...instructions, 1, 2];
  beginnings.begin(b, [...instructions, 3]);
  expect(beginnings.source(b, [a, b], 100)).toEqual({ holder: a, shared: 100, ready: 100 });
  expect(beginnings.source(b, [a, b], 101)).toBeNull();
  b.held = tokens([7, 1]);
  expect(beginnings.source(b, [a, b], 100)).toBeNull();
});

test("has the later of two equal prompts wait for the earlier, never the other way round", () => {
  const [a, b] = [slot(), slot()];
  const beginnings = new Beginnings<Held>();
  beginnings.begin(a, [...instructions, 1]);
  beginnings.begin(b, [...instructions, 2]);
  expect(beginnings.source(a, [a, b], 10)).toBeNull();
  expect(beginnings.source(b, [a, b], 10)).toEqual({ holder: a, shared: 100, ready: 0 });
  a.held = tokens([7, 64]);
  expect(beginnings.source(b, [a, b], 10)).toEqual({ holder: a, shared: 100, ready: 64 });
});

test("takes what is left of a prompt that was given up, and its successor computes the rest", () => {
  const [a, b, c] = [slot(), slot(), slot()];
  const beginnings = new Beginnings<Held>();
  beginnings.begin(a, [...instructions, 1]);
  beginnings.begin(b, [...instructions, 2]);
  beginnings.begin(c, [...instructions, 3]);
  a.held = tokens([7, 64]);
  beginnings.finished(a);
  expect(beginnings.source(b, [a, b, c], 10)).toEqual({ holder: a, shared: 64, ready: 64 });
  expect(beginnings.source(c, [a, b, c], 10)).toEqual({ holder: b, shared: 100, ready: 0 });
});

test("tells of every advance and every end, and lets a stopped task go", async () => {
  const a = slot();
  const beginnings = new Beginnings<Held>();
  beginnings.begin(a, instructions);
  const advance = beginnings.change(never);
  beginnings.advanced();
  await advance;
  const end = beginnings.change(never);
  beginnings.finished(a);
  await end;
  const stop = new AbortController();
  const stopped = beginnings.change(stop.signal);
  stop.abort("cancelled");
  await stopped;
  await beginnings.change(stop.signal);
});

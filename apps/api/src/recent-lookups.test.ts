import { expect, test } from "vitest";
import { recentLookups } from "./recent-lookups.ts";

function open(resolve: (name: string) => Promise<string[]>) {
  const asked: string[] = [];
  const clock = { ms: 0 };
  const lookup = recentLookups({
    resolve: (name) => {
      asked.push(name);
      return resolve(name);
    },
    timeoutMs: 20,
    now: () => clock.ms,
  });
  return { asked, clock, lookup };
}

test("asks once for what is asked at the same time and for ten seconds after, then again", async () => {
  const { asked, clock, lookup } = open(async () => ["1.1.1.1"]);
  expect(await Promise.all([lookup("a"), lookup("a"), lookup("b")])).toEqual([["1.1.1.1"], ["1.1.1.1"], ["1.1.1.1"]]);
  clock.ms = 9_999;
  await lookup("a");
  expect(asked).toEqual(["a", "b"]);
  clock.ms = 10_000;
  await lookup("a");
  expect(asked).toEqual(["a", "b", "a"]);
});

test("remembers failures, and names that do not answer in time", async () => {
  const failing = open(() => Promise.reject(new Error("ENOTFOUND")));
  const hanging = open(() => new Promise(() => {}));
  for (const { lookup, asked } of [failing, hanging]) {
    await expect(lookup("a")).rejects.toThrow();
    await expect(lookup("a")).rejects.toThrow();
    expect(asked).toEqual(["a"]);
  }
});

test("forgets the oldest name beyond a thousand", async () => {
  const { asked, lookup } = open(async () => ["1.1.1.1"]);
  for (let i = 0; i < 1_001; i++) await lookup(`n${i}`);
  await lookup("n1000");
  await lookup("n0");
  expect(asked).toHaveLength(1_002);
  expect(asked.at(-1)).toBe("n0");
});

test("asks no more than 64 at once", async () => {
  const { asked, lookup } = open(() => new Promise(() => {}));
  const answers = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => lookup(`n${index}`)));
  expect(asked).toHaveLength(64);
  expect(answers.every(({ status }) => status === "rejected")).toBe(true);
});

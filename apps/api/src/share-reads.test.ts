import { expect, test } from "vitest";
import { shareReads } from "./share-reads.ts";

function counted() {
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  const read = shareReads(
    (key: string) => key,
    async (key) => {
      asked.push(key);
      const count = asked.length;
      await gate.promise;
      return count;
    },
  );
  return { asked, read, open: gate.resolve };
}

test("answers all who ask in one turn with one reading, by key", async () => {
  const { asked, read, open } = counted();
  open();
  expect(await Promise.all([read("a"), read("b"), read("a"), read("a")])).toEqual([1, 2, 1, 1]);
  expect(asked).toEqual(["a", "b"]);
});

test("gives nobody a reading that began before the question", async () => {
  const { asked, read, open } = counted();
  const early = read("a");
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(["a"]);
  const late = read("a");
  open();
  expect([await early, await late]).toEqual([1, 2]);
});

test("passes a failure on to all, and reads anew after it", async () => {
  let count = 0;
  const read = shareReads(
    () => "",
    async () => {
      count += 1;
      if (count === 1) throw new Error("away");
      return count;
    },
  );
  expect((await Promise.allSettled([read(), read()])).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await read()).toBe(2);
});

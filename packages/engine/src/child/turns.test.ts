import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

test("work runs in turn, also behind work that failed", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = turns.take(async () => {
    log.push("one begins");
    await first.promise;
    log.push("one ends");
    throw new Error("one");
  });
  const two = turns.take(async () => log.push("two"));
  await Promise.resolve();
  first.resolve();
  await expect(one).rejects.toThrow("one");
  await two;
  expect(log).toEqual(["one begins", "one ends", "two"]);
});

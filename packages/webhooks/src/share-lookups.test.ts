import { expect, test } from "vitest";
import { shareLookups } from "./share-lookups.ts";

test("asks for a name once at a time, and anew once it has been answered", async () => {
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  const lookup = shareLookups(async (name) => {
    asked.push(name);
    await gate.promise;
    return [`10.0.0.${asked.length}`];
  });
  const answers = [lookup("a"), lookup("b"), lookup("a")];
  expect(asked).toEqual(["a", "b"]);
  gate.resolve();
  const [first, , second] = await Promise.all(answers);
  expect(second).toBe(first);
  await lookup("a");
  expect(asked).toEqual(["a", "b", "a"]);
});

test("tells everybody of a failure, and remembers none", async () => {
  let fails = true;
  const lookup = shareLookups(async () => {
    if (fails) throw new Error("ENOTFOUND");
    return ["1.1.1.1"];
  });
  const answers = await Promise.allSettled([lookup("a"), lookup("a")]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fails = false;
  expect(await lookup("a")).toEqual(["1.1.1.1"]);
});

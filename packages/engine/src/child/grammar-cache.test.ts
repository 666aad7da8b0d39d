import { expect, test } from "vitest";
import { GrammarCache } from "./grammar-cache.ts";

class State {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  clone(): State {
    return new State(this.text);
  }
}

/** Compiles by name and writes down what it compiled; a name that begins with "bad" fails. */
function compiler(most?: number) {
  const compiled: string[] = [];
  const cache = new GrammarCache<State>(most);
  const state = (text: string) =>
    cache.state(text, async () => {
      compiled.push(text);
      if (text.startsWith("bad")) throw new Error(text);
      return new State(text);
    });
  return { compiled, state };
}

test("compiles a grammar once, also when it is asked for twice at once, and gives each asker a state of its own", async () => {
  const { compiled, state } = compiler();
  const [first, second] = await Promise.all([state("a"), state("a")]);
  const third = await state("a");
  expect(compiled).toEqual(["a"]);
  expect(new Set([first, second, third]).size).toBe(3);
  expect(third.text).toBe("a");
});

test("does not keep what failed to compile", async () => {
  const { compiled, state } = compiler();
  await expect(state("bad")).rejects.toThrow("bad");
  await expect(state("bad")).rejects.toThrow("bad");
  expect(compiled).toEqual(["bad", "bad"]);
});

test("drops the least recently used grammar", async () => {
  const { compiled, state } = compiler(2);
  for (const text of ["a", "b", "a", "c", "a", "b"]) await state(text);
  expect(compiled).toEqual(["a", "b", "c", "b"]);
});

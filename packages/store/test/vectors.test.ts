import { tinyEntry } from "@llamero/testkit";
import { expect, test } from "vitest";
import { createStore } from "../src/index.ts";
import { mark, useReuse } from "./reuse-harness.ts";

const { harness, counts } = useReuse();
const of = { slug: "tiny", mark, owner: "alice" };
const vectors = new Map([
  ["a", { vector: [Math.fround(0.6), Math.fround(0.8)], tokens: 3 }],
  ["naïve 🦙", { vector: [1, 0], tokens: 7 }],
]);

test("vectors are given as they were taken, to their owner and by their model alone", async () => {
  const { reuse: kept } = harness.store;
  await kept.keepVectors(of, vectors);
  expect(await kept.findVectors(of, ["a", "b", "naïve 🦙"])).toEqual(vectors);
  expect(await kept.findVectors({ ...of, owner: "bob" }, ["a"])).toEqual(new Map());
  expect(await kept.findVectors({ ...of, mark: "another" }, ["a"])).toEqual(new Map());
  expect(await counts()).toMatchObject({ entries: 2, input_hits: 2, input_misses: 3 });
});

test("vectors answer a request where all of its texts are known", async () => {
  const store = createStore({ redis: harness.redis, prefix: "test", reuseMode: () => "all" });
  await store.reuse.keepVectors(of, vectors);
  const ask = (input: string[], over = {}) =>
    store.reuse.ask({
      ...{ owner: "alice", model: { ...tinyEntry, slug: "tiny" }, isSeedGiven: false, asked: undefined },
      request: { v: 1, type: "embedding", input },
      ...over,
    });
  const known = await ask(["naïve 🦙", "a", "a"]);
  expect(known?.answer?.promptTokens).toBe(13);
  expect(JSON.parse(known?.answer?.result ?? "")).toMatchObject({
    embeddings: [[1, 0], vectors.get("a")?.vector, vectors.get("a")?.vector],
    usage: { prompt_tokens: 13, total_tokens: 13 },
  });
  expect(await ask(["a", "b"])).toMatchObject({ answer: null });
  expect(await ask(["a"], { owner: "bob" })).toMatchObject({ answer: null });
  expect(await ask(["a", "naïve 🦙"], { mostInputs: 1 })).toMatchObject({ answer: null });
  expect(await ask(["a"], { asked: false })).toBeNull();
});

import type { LlamaContext } from "node-llama-cpp";
import { expect, test } from "vitest";
import { ContextAdapters } from "./adapters.ts";

const adapter = { name: "legal", path: "/m/legal.gguf", scale: 0.5, sizeBytes: 1, digest: "d" };

/** A context that notes what it is told to compute with, and fails as often as it is told to. */
function contextOf(failures = 0) {
  const told: unknown[] = [];
  let left = failures;
  const context = {
    _setLoras: async (adapters: unknown) => {
      if (left-- > 0) throw new Error("no memory");
      told.push(adapters);
    },
  };
  return { told, adapters: new ContextAdapters(context as unknown as LlamaContext, [adapter]) };
}

test("tells its context once, however many ask for the same, and again when another is asked for", async () => {
  const { told, adapters } = contextOf();
  await adapters.use(null);
  await Promise.all([adapters.use("legal"), adapters.use("legal")]);
  await adapters.use(null);
  expect(told).toEqual([[{ filePath: "/m/legal.gguf", scale: 0.5 }], []]);
});

test("after a change that failed nothing counts as set, so that the next one is made", async () => {
  const { told, adapters } = contextOf(1);
  await expect(adapters.use("legal")).rejects.toThrow("no memory");
  expect(adapters.current).toBeUndefined();
  await adapters.use(null);
  expect(adapters.current).toBeNull();
  await adapters.use("legal");
  expect(told).toEqual([[], [{ filePath: "/m/legal.gguf", scale: 0.5 }]]);
});

import { expect, test } from "vitest";
import { inputKey, modelMark, requestKey } from "./reuse-key.ts";

const mark = modelMark({ digest: "a".repeat(64), context_length: 512 });
const form = { v: 1, type: "embedding", input: ["x"] };

test("a model is told from one of another file and from one with another context", () => {
  const others = [
    { digest: "b".repeat(64), context_length: 512 },
    { digest: "a".repeat(64), context_length: 1024 },
  ];
  expect(new Set([mark, ...others.map(modelMark)]).size).toBe(3);
});

test("a key is another with another model, owner or request, and fits the compact form of a record", () => {
  const keys = [
    requestKey(mark, "alice", form),
    requestKey(mark, "bob", form),
    requestKey(mark, "alice", { ...form, input: ["y"] }),
    requestKey(modelMark({ digest: "c", context_length: 1 }), "alice", form),
    inputKey(mark, "alice", "x"),
    inputKey(mark, "bob", "x"),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^[\w-]{16}\.[\w-]{43}$/);
});

import { expect, test } from "vitest";
import { modelEntrySchema, modelSlug, queueSlug } from "./model.ts";

test("leaves a name that is fit already as it is", () => {
  for (const name of ["tiny", "llama-3_2-1b", "a", "0"]) expect(modelSlug(name)).toBe(name);
});

test("makes every name fit for a queue name and a Redis key", () => {
  for (const name of ["hf:acme/Big:Q4_K_M", "Ünïcode 🦙", "../../etc", "a b", "x".repeat(300), "{c0}", "tiny.gguf", "-", "A"]) {
    expect(modelSlug(name), name).toMatch(/^[a-z0-9_-]{1,57}$/);
    expect(modelSlug(name)).toBe(modelSlug(name));
  }
});

test("keeps names apart that lose what tells them apart", () => {
  const names = ["tiny", "Tiny", "TINY", "tiny:", "tiny/", "tiny.", "t:iny", "t/iny", `${"x".repeat(60)}a`, `${"x".repeat(60)}b`];
  expect(new Set(names.map((name) => modelSlug(name))).size).toBe(names.length);
});

test("a variant has a slug of its own and its base's queue", () => {
  const slugs = [
    modelSlug("legal", "Big"),
    modelSlug("Legal", "Big"),
    modelSlug("legal", "big"),
    modelSlug("legal"),
    modelSlug("a~b"),
  ];
  expect(new Set(slugs).size).toBe(slugs.length);
  expect(queueSlug(modelSlug("legal", "Big"))).toBe(modelSlug("Big"));
  for (const name of ["Big", "legal", "a~b"]) expect(queueSlug(modelSlug(name))).toBe(modelSlug(name));
});

test("refuses an entry of another version or with impossible sizes", () => {
  const entry = {
    v: 1,
    name: "tiny",
    slug: "tiny",
    context_length: 512,
    capabilities: ["chat"],
    embedding_length: 8,
    max_token_bytes: 4,
    parameters: 0,
    size_bytes: 0,
    architecture: "llama",
    quantization: null,
    digest: "d",
    is_default: false,
    registered_at_ms: 0,
  };
  expect(modelEntrySchema.safeParse(entry).success).toBe(true);
  for (const over of [{ v: 2 }, { context_length: 0 }, { capabilities: ["vision"] }, { max_token_bytes: 0 }, { parameters: -1 }])
    expect(modelEntrySchema.safeParse({ ...entry, ...over }).success, JSON.stringify(over)).toBe(false);
});

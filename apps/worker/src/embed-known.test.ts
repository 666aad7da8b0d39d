import { AppError, type EmbedOutcome } from "@llamero/core";
import { createLogger } from "@llamero/process";
import type { KnownVector } from "@llamero/store";
import { expect, test } from "vitest";
import { type EmbedKnownOptions, embedKnown } from "./embed-known.ts";

const timings = { wait_ms: 1, prefill_ms: 2, generate_ms: null };
/** The vector of a text, and its tokens: as many as it has letters. */
const vectorOf = (text: string) => [text.length, 0];

interface Options {
  kept?: string[];
  reuseKey?: string | null;
  mark?: string | null;
  compute?: (texts: string[]) => Promise<EmbedOutcome>;
  fails?: AppError;
}

function embed(input: string[], { kept = [], reuseKey = "m.hash", mark = "m", compute, fails }: Options = {}) {
  const computed: string[][] = [];
  const keeping: string[] = [];
  const logs: string[] = [];
  const known = new Map<string, KnownVector>(kept.map((text) => [text, { vector: vectorOf(text), tokens: text.length }]));
  const options: EmbedKnownOptions = {
    store: {
      reuse: {
        findVectors: async (_of, texts) => {
          if (fails) throw fails;
          return new Map([...known].filter(([text]) => texts.includes(text)));
        },
        keepVectors: async (_of, vectors) => {
          if (fails) throw fails;
          keeping.push(...vectors.keys());
        },
      },
    },
    claim: { jobId: "job_1", slug: "tiny", owner: "local", reuseKey },
    mark,
    logger: createLogger({ name: "test", level: "warn", destination: { write: (line) => void logs.push(line) } }),
    compute:
      compute ??
      (async (texts) => {
        computed.push(texts);
        const prompt_tokens = texts.join("").length;
        const usage = { prompt_tokens, cached_tokens: 0, completion_tokens: 0, total_tokens: prompt_tokens };
        return { embeddings: texts.map(vectorOf), inputTokens: texts.map(({ length }) => length), usage, timings };
      }),
  };
  return { embedding: embedKnown(input, options), computed, keeping, logs };
}

test("computes what is not kept, each text once, and keeps it", async () => {
  const { embedding, computed, keeping } = embed(["a", "bb", "ccc", "bb"], { kept: ["a"] });
  expect(await embedding).toEqual({
    embeddings: [vectorOf("a"), vectorOf("bb"), vectorOf("ccc"), vectorOf("bb")],
    usage: { prompt_tokens: 8, cached_tokens: 3, completion_tokens: 0, total_tokens: 8 },
    timings,
  });
  expect(computed).toEqual([["bb", "ccc"]]);
  expect(keeping).toEqual(["bb", "ccc"]);
});

test("computes nothing where all is kept", async () => {
  const { embedding, computed } = embed(["a", "bb"], { kept: ["a", "bb"] });
  expect(await embedding).toMatchObject({ usage: { prompt_tokens: 3, cached_tokens: 3 }, timings: { wait_ms: 0 } });
  expect(computed).toEqual([]);
});

test.each<[string, Options]>([
  ["a job whose answer is for nobody else", { reuseKey: null }],
  ["a model that is another than the job was accepted for", { mark: "other" }],
  ["a model of which nobody knows what it is", { mark: null }],
])("computes all of %s, and keeps nothing", async (_what, options) => {
  const { embedding, computed, keeping } = embed(["a", "a"], { kept: ["a"], ...options });
  expect(await embedding).toMatchObject({ usage: { prompt_tokens: 2, cached_tokens: 0 } });
  expect(await embedding).not.toHaveProperty("inputTokens");
  expect(computed).toEqual([["a", "a"]]);
  expect(keeping).toEqual([]);
});

test("names the text that is at fault by its place in the job", async () => {
  const refusal = new AppError("context_length_exceeded", "input.1 has 900 tokens.", { param: "input.1" });
  const { embedding } = embed(["a", "bb", "a", "ccc"], { kept: ["a"], compute: () => Promise.reject(refusal) });
  await expect(embedding).rejects.toMatchObject({ message: "input.3 has 900 tokens.", param: "input.3", code: refusal.code });
});

test("keeps nothing where the tokens of texts are not known", async () => {
  const usage = { prompt_tokens: 7, cached_tokens: 0, completion_tokens: 0, total_tokens: 7 };
  const compute = async (texts: string[]) => ({ embeddings: texts.map(vectorOf), usage, timings });
  const { embedding, keeping } = embed(["a", "bb"], { kept: ["a"], compute });
  expect(await embedding).toMatchObject({ usage: { prompt_tokens: 8, cached_tokens: 1 } });
  expect(keeping).toEqual([]);
});

test("goes on without where Redis is full, and says so", async () => {
  const { embedding, computed, logs } = embed(["a"], { kept: ["a"], fails: new AppError("redis_memory_full", "Redis is full.") });
  expect(await embedding).toMatchObject({ embeddings: [vectorOf("a")] });
  expect(computed).toEqual([["a"]]);
  expect(logs.join("")).toContain("vectors are not given");
  expect(logs.join("")).toContain("vectors are not taken");
});

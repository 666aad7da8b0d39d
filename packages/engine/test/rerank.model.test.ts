import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeRandomReranker } from "../../../bench/models/random-reranker.ts";
import { type EngineRuntime, startEngine } from "../src/index.ts";

const query = "baba bede";
const documents = ["babe bibo", "dada", "gogo gugu zuzu", "baba bede nene nini fifi", "dada"];

let folder: string;
let path: string;
let engine: EngineRuntime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-rerank-"));
  path = join(folder, "ranker.gguf");
  await writeRandomReranker(path, { layers: 2, width: 64, heads: 2, feedForward: 128, vocabulary: 4_096, context: 512 }, 3);
  engine = await startEngine({
    models: [{ kind: "file", name: "ranker", path }],
    gpu: "false",
    contexts: 1,
    threads: 1,
    slots: 2,
  });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

let tasks = 0;
function rerank(texts: string[], top_n?: number) {
  const request = { v: 1 as const, type: "rerank" as const, query, documents: texts, ...(top_n === undefined ? {} : { top_n }) };
  return engine.rerank({ id: `rank-${++tasks}`, model: "ranker", request });
}

/** Scores in the order of the documents. */
async function scores(texts: string[]): Promise<number[]> {
  const { results } = await rerank(texts);
  return results.toSorted((a, b) => a.index - b.index).map((result) => result.relevance_score);
}

test("is a model that reranks and does nothing else", async () => {
  expect(engine.models).toMatchObject([{ name: "ranker", architecture: "bert", capabilities: ["rerank"] }]);
  const embedding = engine.embed({ id: "embed", model: "ranker", request: { v: 1, type: "embedding", input: ["a"] } });
  await expect(embedding).rejects.toMatchObject({ code: "unsupported_capability" });
});

test("puts the highest score first, equal ones by index, and counts what it read", async () => {
  const { results, usage } = await rerank(documents);
  const sorted = results.toSorted((a, b) => b.relevance_score - a.relevance_score || a.index - b.index);
  expect(results).toEqual(sorted);
  expect(results.map((result) => result.index).toSorted()).toEqual([0, 1, 2, 3, 4]);
  // The two that are alike.
  const places = [1, 4].map((index) => results.findIndex((result) => result.index === index)) as [number, number];
  expect(places[1]).toBe(places[0] + 1);
  // One token a word of the query and the separators, and at least one of each document.
  expect(usage.prompt_tokens).toBeGreaterThanOrEqual(documents.length * 5);
  expect(usage).toMatchObject({ completion_tokens: 0, total_tokens: usage.prompt_tokens });
  expect((await rerank(documents, 2)).results).toEqual(results.slice(0, 2));
});

test("scores a document alike in any company, and as the library's ranking context scores the pair", async () => {
  const together = await scores(documents);
  for (const [index, document] of documents.entries())
    expect((await scores([document]))[0]).toBeCloseTo(together[index] ?? -1, 5);
  expect(new Set(together).size).toBe(4);

  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  try {
    const context = await (await llama.loadModel({ modelPath: path })).createRankingContext({
      contextSize: 512,
      batchSize: 512,
      threads: 1,
    });
    for (const [index, document] of documents.entries())
      expect(await context.rank(query, document)).toBeCloseTo(together[index] ?? -1, 5);
  } finally {
    await llama.dispose();
  }
});

test("says which document is too long", async () => {
  await expect(rerank(["dada", "baba ".repeat(600)])).rejects.toMatchObject({
    code: "context_length_exceeded",
    param: "documents.1",
    message: expect.stringMatching(/documents\.1 has \d+ tokens; the model takes at most 512/),
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { begin, chat, startTiny, story } from "./tiny-engine.ts";

let engine: EngineRuntime;
beforeAll(async () => {
  engine = await startTiny({ slots: 2, flushMs: 10 });
});
afterAll(() => engine.close());

let tasks = 0;
function embed(input: string[], id = `embed-${++tasks}`) {
  return engine.embed({ id, model: "tiny", request: { v: 1, type: "embedding", input } });
}

function cosine(a: readonly number[] = [], b: readonly number[] = []): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

const inputs = Array.from({ length: 16 }, (_, n) => `Llama number ${n} ${"walks on and on ".repeat((n * 7) % 20)}home.`);

test("an input has the same vector alone, among the inputs of its job, and among other jobs", async () => {
  const alone: number[][] = [];
  for (const input of inputs) alone.push(...(await embed([input])).embeddings);
  const together = (await embed(inputs)).embeddings;
  const apart = (await Promise.all(inputs.map((input) => embed([input])))).flatMap((outcome) => outcome.embeddings);
  for (const [index, vector] of alone.entries()) {
    expect(cosine(vector, together[index])).toBeGreaterThan(0.999);
    expect(cosine(vector, apart[index])).toBeGreaterThan(0.999);
  }
  expect(cosine(alone[0], alone[1])).toBeLessThan(0.999);
});

test("takes inputs of the whole context after short ones", async () => {
  const long = "one two three four five six ".repeat(60);
  const { usage, embeddings } = await embed(["short", long]);
  expect(usage.prompt_tokens).toBeGreaterThan(512);
  expect(cosine(embeddings[1], (await embed([long])).embeddings[0])).toBeGreaterThan(0.999);
});

test("generations go on while inputs are embedded", async () => {
  const generation = begin(engine, chat(story, { ignore_eos: true, max_tokens: 200 }));
  await generation.firstChunk;
  let isEmbedding = true;
  const embedding = embed(Array.from({ length: 128 }, () => inputs).flat(), "meanwhile").finally(() => {
    isEmbedding = false;
  });
  await generation.tokensMore(100);
  expect(isEmbedding).toBe(true);
  engine.stop("meanwhile", "cancelled");
  await expect(embedding).rejects.toMatchObject({ code: "cancelled" });
  await generation.outcome;
});

test("a stop drops what is left of a task, and the next one runs", async () => {
  const many = embed(Array.from({ length: 128 }, () => inputs).flat(), "many");
  const next = embed(["next"]);
  engine.stop("many", "deadline");
  await expect(many).rejects.toMatchObject({ code: "deadline_exceeded" });
  expect((await next).embeddings).toHaveLength(1);
});

test("does not rerank, and says what it does", async () => {
  const refused = engine.rerank({ id: "rank", model: "tiny", request: { v: 1, type: "rerank", query: "a", documents: ["b"] } });
  await expect(refused).rejects.toMatchObject({
    code: "unsupported_capability",
    message: expect.stringMatching(/does not do rerank; it does .*embedding/),
  });
});

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SlotContext } from "../src/child/slot-context.ts";
import { type EngineOptions, startEngine, surveyModels } from "../src/index.ts";
import { chat, generate, startTiny, story, tinyPath } from "./tiny-engine.ts";

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "llamero-layout-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

const models = [{ kind: "file" as const, name: "tiny", path: tinyPath }];

/** What the engine says of its layout when it starts. */
async function layoutLine(options: Partial<EngineOptions> = {}): Promise<string> {
  const lines: string[] = [];
  const engine = await startEngine({ models, gpu: "false", slots: 4, cacheDir, onLog: (line) => lines.push(line), ...options });
  await engine.close();
  return lines.find((line) => line.startsWith("Model tiny")) ?? "";
}

test("measures at the first start, says what came out, and does not measure again", async () => {
  expect(await layoutLine()).toMatch(
    /, steps of \d+ tokens at most,.*\(measured: contexts×threads 1×\d+: \d+.*; prompts \d+ tokens\/s/,
  );
  expect(await readdir(cacheDir)).toHaveLength(1);
  expect(await layoutLine()).toMatch(/\(measured before: /);
});

test("a damaged measurement is measured anew", async () => {
  for (const file of await readdir(cacheDir)) await writeFile(join(cacheDir, file), "{");
  expect(await layoutLine()).toMatch(/\(measured: /);
});

test("measures how many slots are worth their memory, up to what it may", async () => {
  const lines: string[] = [];
  const engine = await startEngine({ models, gpu: "false", mostSlots: 16, onLog: (line) => lines.push(line) });
  expect([8, 16]).toContain(engine.models[0]?.slots);
  expect(lines.find((line) => line.startsWith("Model tiny"))).toMatch(/slots 8: \d+, 16: \d+ tokens\/s/);
  await engine.close();
});

test("spreads the slots over no more contexts than there is memory for", async () => {
  const [one] = (await surveyModels({ models, gpu: "false", slots: 4 })).models;
  expect(await layoutLine({ threads: 1, memoryBytes: one?.sizeBytes ?? 0 })).toMatch(/contexts×threads 1×1: \d+ tokens/);
  expect(await layoutLine({ threads: 1 })).toMatch(/contexts×threads 1×1: \d+, 2×1: \d+/);
});

test("takes what it is told", async () => {
  expect(await layoutLine({ threads: 1, contexts: 2 })).toMatch(/in 2 contexts, 1 threads each.*\(as configured\)/);
  expect(await layoutLine({ batchSize: 96 })).toMatch(/steps of 96 tokens at most/);
});

test("answers alike over several contexts, with every slot of each in use", async () => {
  const engine = await startTiny({ slots: 4, contexts: 2 });
  const request = chat(story, { max_tokens: 60 });
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => generate(engine, request)));
  expect(new Set(outcomes.map((outcome) => outcome.text)).size).toBe(1);
  const { tiny } = await engine.stats();
  expect(tiny?.decodedTokens).toBeGreaterThan(8 * 50);
  expect((tiny?.occupied ?? 0) / (tiny?.capacity ?? 1)).toBeGreaterThan(0.8);
  await engine.close();
});

test("keeps the batch full from one task to the next: a slot's old state goes between two steps, not instead of one", async () => {
  const engine = await startTiny({ slots: 4 });
  const tasks = Array.from({ length: 40 }, (_, index) => chat(`Number ${index}: ${story}`, { max_tokens: 16, ignore_eos: true }));
  await Promise.all(tasks.map((task) => generate(engine, task)));
  const { tiny } = await engine.stats();
  expect((tiny?.occupied ?? 0) / (tiny?.capacity ?? 1)).toBeGreaterThan(0.95);
  await engine.close();
});

test("computes prompts with threads of their own", async () => {
  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: tinyPath });
  const shape = { slots: 1, contextSize: 256, firstSlot: 0, group: 0 };
  const context = await SlotContext.open(model, { ...shape, threads: 1, prefillThreads: 2 });
  const [slot] = context.slots;
  const prompt = model.tokenize("one two three four five six seven eight ".repeat(8));
  await slot?.compute(prompt);
  expect(context.currentThreads).toBe(2);
  await slot?.compute(prompt.slice(0, 1));
  expect(context.currentThreads).toBe(1);
  await llama.dispose();
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenerateRequest, TokenChunk } from "@llamero/core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { writeRandomLora } from "../../../bench/models/random-lora.ts";
import { type EngineOptions, type EngineRuntime, type ModelSource, surveyModels } from "../src/index.ts";
import { chat, joined, startTiny, story, tinyPath } from "./tiny-engine.ts";

const SHAPE = { architecture: "llama", layers: 5, width: 192, strength: 2 };

let folder: string;
const file = (name: string) => join(folder, `${name}.gguf`);
const adapter = (name: string, path = file(name), scale = 1) => ({ kind: "file" as const, name, path, scale });
const tinyWith = (...adapters: ReturnType<typeof adapter>[]): ModelSource[] => [
  { kind: "file", name: "tiny", path: tinyPath, adapters },
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-adapters-"));
  await writeRandomLora(file("left"), SHAPE, 1);
  await writeRandomLora(file("right"), SHAPE, 2);
  await writeRandomLora(file("wide"), { ...SHAPE, width: 256 }, 3);
  await writeRandomLora(file("other"), { ...SHAPE, architecture: "gemma" }, 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let engine: EngineRuntime | null = null;
afterEach(async () => {
  await engine?.close();
  engine = null;
});

async function start(options: Partial<EngineOptions> = {}): Promise<EngineRuntime> {
  engine = await startTiny({ models: tinyWith(adapter("left"), adapter("right"), adapter("none", file("left"), 0)), ...options });
  return engine;
}

let tasks = 0;
const run = async (
  running: EngineRuntime,
  model: string,
  request: GenerateRequest = chat(story, { max_tokens: 24, ignore_eos: true }),
) => running.generate({ id: `task-${++tasks}`, model, request }, () => {});
const textOf = async (running: EngineRuntime, model: string) => (await run(running, model)).text;

test("each name is a model of its own, on the slots of its base", async () => {
  const { models } = await start();
  const [base, ...variants] = models;
  expect(variants.map(({ name }) => name)).toEqual(["left", "right", "none"]);
  for (const variant of variants)
    expect(variant).toMatchObject({
      base: "tiny",
      slots: 4,
      context_length: base?.context_length,
      capabilities: ["chat", "completion"],
    });
  expect(new Set(models.map(({ digest }) => digest)).size).toBe(4);
});

test("what a variant has emitted, it goes on with, also in a slot that held another's state", async () => {
  const running = await start({ slots: 1, flushMs: 1 });
  const request = chat(story, { max_tokens: 24, ignore_eos: true });
  const chunks: TokenChunk[] = [];
  const whole = await running.generate({ id: "whole", model: "left", request }, (chunk) => chunks.push(chunk));
  await textOf(running, "tiny");
  const emitted = joined(chunks.slice(0, chunks.length / 2));
  const again = await running.generate({ id: "again", model: "left", request, emitted }, () => {});
  expect([again.text, again.usage.completion_tokens]).toEqual([whole.text, 24]);
});

test("an adapter changes what its base says, one of scale 0 does not, and the base stays as it was", async () => {
  const running = await start();
  const before = await textOf(running, "tiny");
  const [left, right, none] = [await textOf(running, "left"), await textOf(running, "right"), await textOf(running, "none")];
  expect(new Set([before, left, right]).size).toBe(3);
  expect(none).toBe(before);
  expect(await textOf(running, "tiny")).toBe(before);
  expect(await textOf(running, "left")).toBe(left);
});

test.each([{ contexts: 1 }, { contexts: 2 }])(
  "tasks of all of them together say what each says alone ($contexts contexts)",
  async (layout) => {
    const running = await start(layout);
    const names = ["tiny", "left", "right"];
    const alone = new Map<string, string>();
    for (const name of names) alone.set(name, await textOf(running, name));
    const mixed = Array.from({ length: 24 }, (_, index) => names[index % names.length] ?? "");
    const texts = await Promise.all(mixed.map((name) => textOf(running, name)));
    expect(texts).toEqual(mixed.map((name) => alone.get(name)));
  },
);

test("a slot's state is of use to its own adapter only", async () => {
  const running = await start({ slots: 1 });
  const cached = async (model: string) => (await run(running, model)).usage.cached_tokens;
  expect(await cached("left")).toBe(0);
  expect(await cached("left")).toBeGreaterThan(0);
  expect(await cached("right")).toBe(0);
  expect(await cached("tiny")).toBe(0);
  expect(await cached("tiny")).toBeGreaterThan(0);
});

test("embeddings are the base's, and are refused by a variant's name", async () => {
  const running = await start();
  const request = { v: 1 as const, type: "embedding" as const, input: ["a"] };
  const embedded = await running.embed({ id: "embed-1", model: "tiny", request });
  expect(embedded.embeddings).toHaveLength(1);
  await expect(running.embed({ id: "embed-2", model: "left", request })).rejects.toMatchObject({
    code: "unsupported_capability",
    message: expect.stringContaining('"left" does not do embedding'),
  });
});

test("a survey tells what adapters make of their base, and counts their memory", async () => {
  const options = { gpu: "false" as const, slots: 4 };
  const [plain] = (await surveyModels({ ...options, models: tinyWith() })).models;
  const [varied] = (await surveyModels({ ...options, models: tinyWith(adapter("left"), adapter("right")) })).models;
  expect(varied?.variants.map(({ name, base }) => [name, base])).toEqual([
    ["left", "tiny"],
    ["right", "tiny"],
  ]);
  const adapters = (varied?.variants ?? []).reduce((sum, { size_bytes }) => sum + (size_bytes ?? 0), 0);
  expect((varied?.sizeBytes ?? 0) - (plain?.sizeBytes ?? 0)).toBe(adapters);
});

test.each([
  ["a model as an adapter", () => tinyWith(adapter("x", tinyPath)), "is no LoRA adapter in GGUF form"],
  [
    "an adapter as a model",
    (): ModelSource[] => [{ kind: "file", name: "x", path: file("left") }],
    "is an adapter, and no model",
  ],
  ["an adapter for another architecture", () => tinyWith(adapter("other")), "was made for gemma models"],
  ["an adapter for another size", () => tinyWith(adapter("wide")), "made for a model of other sizes than its base"],
  ["a file that is no GGUF", () => tinyWith(adapter("text")), "is no GGUF file"],
])("refuses %s", async (_what, models, message) => {
  await writeFile(file("text"), "hello");
  await expect(startTiny({ models: models() })).rejects.toMatchObject({
    code: "model_file_invalid",
    message: expect.stringContaining(message),
  });
});

test("refuses two models of one name", async () => {
  await expect(startTiny({ models: tinyWith(adapter("tiny", file("left"))) })).rejects.toMatchObject({ code: "config_invalid" });
});

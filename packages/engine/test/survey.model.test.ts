import { copyFileSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EngineEvent, type EngineOptions, surveyModels } from "../src/index.ts";
import { startTiny, tinyPath } from "./tiny-engine.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llamero-survey-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const survey = (options: Partial<EngineOptions> = {}) =>
  surveyModels({ models: [{ kind: "file", name: "tiny", path: tinyPath }], gpu: "false", slots: 4, ...options });

test("tells of a model what its engine tells, and what it takes", async () => {
  const [{ gpu, budgetBytes, models }, engine] = await Promise.all([survey(), startTiny()]);
  const [model] = models;
  expect(models).toHaveLength(1);
  expect(model?.facts).toEqual(engine.models[0]);
  expect(model?.source).toEqual({ kind: "file", name: "tiny", path: tinyPath, adapters: [] });
  expect(gpu).toBe(false);
  const { tiny } = engine.footprints;
  expect(tiny).toMatchObject({ gpu: false, gpuLayers: 0, totalLayers: expect.any(Number), usedVram: 0 });
  expect(model?.sizeBytes).toBe(tiny?.estimated.ram);
  // The weights and the KV cache of four slots of 1024 tokens.
  expect(model?.sizeBytes).toBeGreaterThan(10_000_000);
  expect(model?.sizeBytes).toBeLessThan(20_000_000);
  expect(budgetBytes).toBeGreaterThan(100_000_000);
  await engine.close();
});

test("takes fewer slots where the memory is limited, and says so", async () => {
  const events: EngineEvent[] = [];
  const { budgetBytes, models } = await survey({ memoryBytes: 11_000_000, onProgress: (event) => events.push(event) });
  expect(budgetBytes).toBe(11_000_000);
  expect(models[0]?.facts).toMatchObject({ slots: 2, context_length: 1024 });
  expect(models[0]?.sizeBytes).toBeLessThanOrEqual(11_000_000);
  expect(events).toEqual([{ type: "reduced", model: "tiny", slots: 2, contextSize: 1024 }]);
});

test("counts as free what is given back before the model is loaded", async () => {
  const heldBytes = 1e15;
  expect((await survey({ heldBytes })).budgetBytes).toBeGreaterThan(heldBytes / 2);
  expect((await survey({ heldBytes, memoryBytes: 11_000_000 })).models[0]?.facts).toMatchObject({ slots: 2 });
});

test("refuses a model that the limit leaves no room for, with the limit; so does loading it", async () => {
  const refusal = { code: "model_too_large", message: expect.stringMatching(/needs at least .*Models may take 0\.0 GB here/) };
  await expect(survey({ memoryBytes: 5_000_000 })).rejects.toMatchObject(refusal);
  await expect(startTiny({ memoryBytes: 5_000_000 })).rejects.toMatchObject(refusal);
});

test("refuses a damaged file", async () => {
  const path = join(folder, "cut.gguf");
  copyFileSync(tinyPath, path);
  truncateSync(path, 20_000);
  await expect(survey({ models: [{ kind: "file", name: "cut", path }] })).rejects.toMatchObject({ code: "model_file_invalid" });
});

test("a start that is called off ends, and so does a survey", async () => {
  const signal = AbortSignal.abort();
  await expect(startTiny({ signal })).rejects.toThrow("was told to end while loading");
  await expect(survey({ signal })).rejects.toThrow("was told to end while reading the model files");
});

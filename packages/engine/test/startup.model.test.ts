import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type EngineEvent, parseModelSource, startEngine } from "../src/index.ts";
import { startTiny, tinyPath } from "./tiny-engine.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llamero-startup-"));
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

const start = (path: string) => startEngine({ models: [{ kind: "file", name: "m", path }], gpu: "false" });

function cutTo(bytes: number): string {
  const path = join(folder, `cut-${bytes}.gguf`);
  copyFileSync(tinyPath, path);
  truncateSync(path, bytes);
  return path;
}

test("refuses a file that is no GGUF", async () => {
  const path = join(folder, "fake.gguf");
  writeFileSync(path, "<html>Not found</html>");
  await expect(start(path)).rejects.toMatchObject({
    code: "model_file_invalid",
    message: expect.stringContaining("is no GGUF file"),
  });
});

test("refuses a file that went away after it was named", async () => {
  await expect(start(join(folder, "gone.gguf"))).rejects.toMatchObject({ code: "model_file_invalid" });
});

test.each([
  ["in its header", 20_000, /truncated/],
  ["in its tensors", 2_000_000, /is truncated: 2000000 bytes, but tensor .* begins at byte \d+/],
  ["in its last tensor", 2_563_900, /truncated, damaged/],
])("refuses a file cut off %s", async (_where, bytes, message) => {
  await expect(start(cutTo(bytes))).rejects.toMatchObject({
    code: "model_file_invalid",
    message: expect.stringMatching(message),
  });
});

test("says what to do when a model cannot be downloaded", async () => {
  // Nothing listens on the discard port.
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9/").stubEnv("MODEL_ENDPOINT", "http://127.0.0.1:9/");
  const models = await parseModelSource("hf:owner/repo:Q4_K_M");
  await expect(startEngine({ models, gpu: "false", modelsDir: folder })).rejects.toMatchObject({
    code: "model_download_failed",
    message: expect.stringMatching(/Check the network.*give its path/),
  });
});

test("never falls back to the CPU when a GPU is asked for by name", async () => {
  // Metal is not on Linux, CUDA is not on a Mac: one of them is absent on every machine.
  const gpu = process.platform === "darwin" ? "cuda" : "metal";
  await expect(startTiny({ gpu })).rejects.toMatchObject({ code: "gpu_unavailable" });
});

test("refuses two models of one name, and none", async () => {
  const [model] = await parseModelSource(`m=${tinyPath}`);
  const models = model === undefined ? [] : [model, model];
  await expect(startEngine({ models, gpu: "false" })).rejects.toMatchObject({ code: "config_invalid" });
  await expect(startEngine({ models: [], gpu: "false" })).rejects.toMatchObject({ code: "config_invalid" });
});

test.each([{ slots: 0 }, { slots: 257 }, { contextSize: 1.5 }, { threads: -1 }])("refuses %o", async (options) => {
  await expect(startTiny(options)).rejects.toMatchObject({ code: "config_invalid" });
});

test("loads several models into one child and tells how far it is", async () => {
  const events: EngineEvent[] = [];
  const models = (await Promise.all([`a=${tinyPath}`, `b=${tinyPath}`].map(parseModelSource))).flat();
  const engine = await startEngine({
    models,
    gpu: "false",
    slots: 1,
    contextSize: 512,
    onProgress: (event) => events.push(event),
  });
  expect(engine.models).toMatchObject([
    { name: "a", slots: 1, context_length: 512 },
    { name: "b", slots: 1, context_length: 512 },
  ]);
  expect(events.filter((event) => event.type === "loaded")).toEqual([
    { type: "loaded", model: "a", layout: expect.stringMatching(/^Model a: \d+ slots of .* \(.+\)\.$/) },
    { type: "loaded", model: "b", layout: expect.stringMatching(/^Model b: /) },
  ]);
  expect(events.filter((event) => event.type === "loading").length).toBeLessThan(25);
  await engine.close();
});

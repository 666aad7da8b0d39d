import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@llamero/engine";
import { afterEach, beforeEach, expect, test } from "vitest";
import { presets } from "../bench-model.ts";
import { type Architecture, parameterCount, writeRandomGguf } from "../random-gguf.ts";

const minute: Architecture = {
  layers: 2,
  width: 128,
  heads: 4,
  kvHeads: 2,
  feedForward: 384,
  vocabulary: 4_096,
  context: 512,
  tied: true,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-gguf-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const digest = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

test.each([true, false])("a written model runs, counts words as tokens and does not repeat itself (tied: %s)", async (tied) => {
  const path = join(folder, "minute.gguf");
  const architecture = { ...minute, tied };
  await writeRandomGguf(path, architecture, 1);
  const engine = await startEngine({ models: [{ kind: "file", name: "minute", path }], gpu: "false", slots: 2 });
  try {
    expect(engine.models).toMatchObject([
      { parameters: parameterCount(architecture), context_length: 512, capabilities: ["chat", "completion", "embedding"] },
    ]);
    const tokens: number[] = [];
    const params = { seed: 1, max_tokens: 40, ignore_eos: true };
    const run = (prompt: string) =>
      engine.generate({ id: prompt, model: "minute", request: { v: 1, type: "completion", prompt, params } }, (chunk) =>
        tokens.push(...chunk.tokens),
      );
    const outcome = await run(" babe babi bobu");
    // The beginning-of-text token comes on top.
    expect(outcome).toMatchObject({ finishReason: "length", usage: { prompt_tokens: 4, completion_tokens: 40 } });
    expect(tokens).toHaveLength(40);
    expect(new Set(tokens).size).toBeGreaterThan(5);
    expect((await run("é")).usage.prompt_tokens).toBe(3);
  } finally {
    await engine.close();
  }
});

test("the same seed gives the same bytes, another seed others", async () => {
  const [first, second, third] = ["a", "b", "c"].map((name) => join(folder, name)) as [string, string, string];
  await writeRandomGguf(first, minute, 7);
  await writeRandomGguf(second, minute, 7);
  await writeRandomGguf(third, minute, 8);
  expect(await digest(second)).toBe(await digest(first));
  expect(await digest(third)).not.toBe(await digest(first));
});

test("presets have about as many parameters as they are called after", () => {
  const millions = Object.values(presets).map((preset) => Math.round(parameterCount(preset) / 1e6));
  expect(millions).toEqual([15, 100, 1039]);
});

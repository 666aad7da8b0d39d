import { expect, test } from "vitest";
import { assertInUse } from "../backend-in-use.ts";
import { lastRow } from "../batched-bench.ts";
import { ratioOf } from "../gpu-report.ts";
import { parseGpuSettings } from "../gpu-settings.ts";
import { runGpuBench } from "../run-gpu-bench.ts";

const load = { slots: 2, promptTokens: 8, tokens: 4, waves: 16 };
const row = (more = {}) => ({ pp: 8, tg: 4, pl: 2, t_pp: 0.5, t_tg: 0.5, t: 1, speed_tg: 16, speed: 24, ...more });

test("takes the load's last row, which is of the second run", () => {
  const output = [row({ speed_tg: 1 }), row(), row({ pl: 4 })].map((line) => JSON.stringify(line)).join("\n");
  expect(lastRow(`main: n_kv_max = 512\n\n${output}\n`, load)).toEqual(row());
  expect(() => lastRow(output, { ...load, promptTokens: 9 })).toThrow("did not measure 2 × (9 + 4) tokens");
});

test("compares completion tokens with the prompts' time on both sides, and with generation alone", () => {
  const engine = (tokensPerSecond: number) => ({
    tokensPerSecond,
    firstTokenMs: [1],
    cpuSecondsPer1000Tokens: null,
    loopMicrosecondsPerToken: null,
    peakRssBytes: 1,
    batchOccupancy: null,
    windowSeconds: 1,
  });
  const rounds = [4, 8, 6].map((rate) => ({ engine: engine(rate), baseline: row() }));
  // The baseline makes 2 × 4 completion tokens in its one second, and 16 a second while it makes them.
  expect(ratioOf({ load, layout: "", rounds })).toEqual({
    slots: 2,
    prompt_tokens: 8,
    with_prompts: 6 / 8,
    against_generation_alone: 6 / 16,
  });
});

test("a run that is not on the GPU asked for, all of it, is an error", () => {
  const build = { build: "localBuild", llama_cpp: "v1" };
  const onGpu = { gpu: "cuda", devices: ["a GPU"], layers_on_gpu: 17, layers: 17, vram_mib: { estimated: 9, used: 9 }, ...build };
  assertInUse("cuda", onGpu);
  assertInUse("false", { ...onGpu, gpu: false, devices: [], layers_on_gpu: 0 });
  expect(() => assertInUse("cuda", { ...onGpu, gpu: false })).toThrow("runs on the CPU instead of cuda");
  expect(() => assertInUse("false", onGpu)).toThrow("runs on cuda instead of false");
  expect(() => assertInUse("cuda", { ...onGpu, devices: [] })).toThrow("no cuda device");
  expect(() => assertInUse("cuda", { ...onGpu, layers_on_gpu: 3 })).toThrow("Only 3 of 17 layers");
});

test("asks for CUDA and a model of 1B unless told otherwise", () => {
  const settings = parseGpuSettings(["--batched-bench", "bb", "--commit", "abc with changes", "--rounds", "2"]);
  expect(settings).toMatchObject({ gpu: "cuda", model: "1b", slots: [16, 32, 64], prompts: [8, 64, 512], rounds: 2 });
  expect(settings).toMatchObject({ batchedBench: "bb", commit: "abc with changes" });
  expect(parseGpuSettings(["--batched-bench", "bb", "--quick"])).toMatchObject({ gpu: "cuda", model: "tiny" });
});

test.each([[[]], [["--batched-bench"]], [["--batched-bench", "a", "--gpu", "auto"]], [["--batched-bench", "a", "--slots", "0"]]])(
  "explains itself for the arguments %j",
  async (args) => {
    const lines: string[] = [];
    expect(await runGpuBench(args, (line) => lines.push(line))).toBe(2);
    expect(lines.join("\n")).toContain("Usage: npm run bench -- gpu ");
  },
);

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BenchReport } from "../bench-report.ts";
import { proveCancel } from "../cancel.ts";
import { provePrefix } from "../prefix.ts";
import { runEngineBench } from "../run-bench.ts";
import { proveSoak } from "../soak.ts";
import { proveThroughput } from "../throughput.ts";

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "llamero-bench-test-"));
});
afterEach(() => rm(out, { recursive: true, force: true }));

const quick = { isQuick: true, seed: 3, log: () => {} };

test("the benchmark, quick: measures every contestant, reports and prints", { timeout: 60_000 }, async () => {
  const lines: string[] = [];
  expect(await runEngineBench(["--quick", "--seed", "3", "--rounds", "2", "--out", out], (line) => lines.push(line))).toBe(0);
  expect(await readdir(out)).toEqual(["engine-tiny.quick.json"]);
  const report = JSON.parse(await readFile(join(out, "engine-tiny.quick.json"), "utf8")) as BenchReport;
  expect(report).toMatchObject({
    name: "engine-tiny",
    quick: true,
    seed: 3,
    commit: { id: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: expect.any(Boolean) },
    machine: { cores: expect.any(Number), node: process.version },
    settings: { model: "tiny", slots: [2], prompts: [16], tokens: 8, rounds: 2, threads: 1 },
    versions: { "node-llama-cpp": expect.stringMatching(/^\d+\./) },
  });
  expect(report.figures.map((line) => line.contestant)).toEqual(["node-llama-cpp", "engine", "whole path"]);
  for (const line of report.figures) {
    expect(line).toMatchObject({ slots: 2, prompt_tokens: 16, tokens: 8, tokens_per_s: expect.any(Number) });
    expect(line.tokens_per_s_by_round).toHaveLength(2);
    for (const figure of [line.tokens_per_s, line.first_token_p50_ms, line.first_token_p99_ms, line.peak_rss_mib, line.window_s])
      expect(figure, line.contestant).toBeGreaterThan(0);
  }
  expect(report.ratios.map((ratio) => ratio.name)).toEqual(["engine / node-llama-cpp", "whole path / engine"]);
  expect(lines.join("\n")).toMatch(/whole path \/ engine = \d/);
});

test.each([[["--slots", "0"]], [["--slots", "1,x"]], [["--gpu", "abacus"]], [["--what"]]])(
  "the benchmark explains itself for the arguments %j",
  async (args) => {
    const lines: string[] = [];
    expect(await runEngineBench(args, (line) => lines.push(line))).toBe(2);
    expect(lines.join("\n")).toContain("Usage: npm run bench -- engine");
  },
);

test("the proofs, quick: measure what their claims are about", { timeout: 60_000 }, async () => {
  const prefix = await provePrefix(quick);
  expect(prefix.figures["cached_share_on"]).toBeGreaterThan(0.5);
  expect(prefix.figures["cached_share_off"]).toBeLessThan(0.05);
  const cancel = await proveCancel(quick);
  expect(cancel.figures).toMatchObject({ cancels: 40, slots: 2 });
  expect(cancel.claims[1]).toMatchObject({ value: 2, passed: true });
  const soak = await proveSoak(quick);
  expect(soak.figures["rss_mib"]).toHaveLength(50);
  const throughput = await proveThroughput(quick);
  expect(throughput.claims).toMatchObject([{ text: "tiny, 2 slots: whole path / engine is at least 0.5" }]);
  for (const { claims } of [prefix, cancel, soak, throughput]) for (const claim of claims) expect(claim.value).not.toBeNaN();
});

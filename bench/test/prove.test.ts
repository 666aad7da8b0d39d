import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
});
afterEach(() => rm(out, { recursive: true, force: true }));

test("door, quick: measures, reports and says whether its claim holds", { timeout: 60_000 }, async () => {
  const lines: string[] = [];
  const code = await runProof(["door", "--quick", "--seed", "7", "--out", out], (line) => lines.push(line));
  expect(await readdir(out)).toEqual(["door.quick.json"]);
  const report = JSON.parse(await readFile(join(out, "door.quick.json"), "utf8")) as Report;
  expect(report).toMatchObject({
    name: "door",
    quick: true,
    seed: 7,
    commit: { id: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: expect.any(Boolean) },
    machine: { cores: expect.any(Number), node: process.version, redis: expect.stringMatching(/^\d+\./) },
    figures: { waiting_few: 1_000, waiting_many: 20_000, client_commands_per_accept: 1 },
  });
  expect(Date.parse(report.date)).toBeLessThanOrEqual(Date.now());
  const { figures, claims } = report;
  for (const name of [
    "http_rate_few_per_s",
    "http_rate_many_per_s",
    "http_ratio",
    "store_rate_few_per_s",
    "store_rate_many_per_s",
    "store_ratio",
    "redis_us_per_accept_few",
    "redis_us_per_accept_many",
    "redis_us_per_accept_filling",
  ])
    expect(figures[name], name).toBeGreaterThan(0);
  expect(figures["store_rates_few_per_s"]).toHaveLength(4);
  expect(figures["http_rates_many_per_s"]).toHaveLength(2);
  // A job cannot take less than its prompt; twice its measured size would be a mistake in the store.
  expect(figures["redis_bytes_per_job"]).toBeGreaterThan(400);
  expect(figures["redis_bytes_per_job"]).toBeLessThan(3_000);
  expect(figures["script_calls_per_accept"]).toBeLessThanOrEqual(13);
  const claimed = (ratio: unknown) => ({ text: expect.stringContaining("0.9"), value: ratio, passed: Number(ratio) >= 0.9 });
  expect(claims).toEqual([claimed(figures["http_ratio"])]);
  expect(code).toBe(claims.every((claim) => claim.passed) ? 0 : 1);
  expect(lines.join("\n")).toMatch(/redis_bytes_per_job +\d/);
});

test.each([[[]], [["nothing"]], [["constructor"]], [["door", "door"]], [["door", "--seed", "x"]]])(
  "explains itself for the arguments %j",
  async (args) => {
    const lines: string[] = [];
    expect(await runProof(args, (line) => lines.push(line))).toBe(2);
    expect(lines.join("\n")).toContain("NAME is one of: door");
    expect(await readdir(out)).toEqual([]);
  },
);

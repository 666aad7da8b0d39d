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
  expect(figures["script_calls_per_accept"]).toBeLessThanOrEqual(14);
  const claimed = (ratio: unknown) => ({ text: expect.stringContaining("0.9"), value: ratio, passed: Number(ratio) >= 0.9 });
  expect(claims).toEqual([claimed(figures["http_ratio"])]);
  expect(code).toBe(claims.every((claim) => claim.passed) ? 0 : 1);
  expect(lines.join("\n")).toMatch(/redis_bytes_per_job +\d/);
});

test("long-poll, quick: measures from result to client", { timeout: 60_000 }, async () => {
  const { report, code } = await quick("long-poll");
  expect(report).toMatchObject({ name: "long-poll", quick: true, figures: { rounds: 200 } });
  const { result_to_client_p50_ms: p50, result_to_client_p99_ms: p99 } = report.figures as Record<string, number>;
  expect(p50).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(Number(p50));
  expect(report.claims.map(({ value, passed }) => [value, passed])).toEqual([
    [p50, Number(p50) <= 5],
    [p99, Number(p99) <= 25],
  ]);
  expect(code).toBe(report.claims.every((claim) => claim.passed) ? 0 : 1);
});

test("sse-clients, quick: every client has every event once", { timeout: 60_000 }, async () => {
  const { report, code } = await quick("sse-clients");
  expect(report).toMatchObject({ name: "sse-clients", quick: true, figures: { clients: 200, events_per_client: 23 } });
  expect(report.claims.map(({ value, passed }) => [value, passed])).toEqual([
    [200, true],
    [200, true],
  ]);
  for (const shape of ["one_job", "own_jobs"]) expect(report.figures[`${shape}_events_per_s`]).toBeGreaterThan(0);
  expect(code).toBe(0);
});

test("webhooks, quick: no event is lost while receivers fail and dispatchers are killed", { timeout: 300_000 }, async () => {
  const { report, code } = await quick("webhooks");
  expect(report).toMatchObject({ name: "webhooks", quick: true, figures: { jobs: 200, deliveries: 400 } });
  const [promises, adversities] = [report.claims.slice(0, 6), report.claims.slice(6)];
  expect(promises.map(({ value, passed }) => [value, passed])).toEqual(Array(6).fill([0, true]));
  expect(adversities.filter(({ passed }) => !passed)).toEqual([]);
  expect(adversities).toHaveLength(5);
  const { requests, attempts_logged } = report.figures as Record<string, number>;
  expect(requests).toBeGreaterThan(480);
  expect(attempts_logged).toBeGreaterThanOrEqual(Number(requests));
  expect(code).toBe(0);
});

test("bad-requests, quick: every route is asked, and every claim holds", { timeout: 60_000 }, async () => {
  const { report } = await quick("bad-requests");
  expect(report).toMatchObject({ name: "bad-requests", quick: true, figures: { requests: 800 } });
  const { fewest_requests_of_a_route: fewest, refused_share: refused } = report.figures as Record<string, number>;
  expect(fewest).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0.5);
  expect(refused).toBeLessThan(1);
  expect(report.claims).toHaveLength(5);
  expect(report.claims.filter(({ passed }) => !passed)).toEqual([]);
});

test("feed, quick: choosing the next job costs what it does, however many wait and whoever they are of", {
  timeout: 60_000,
}, async () => {
  const { report, code } = await quick("feed");
  expect(report).toMatchObject({ name: "feed", quick: true, figures: { waiting: 5_000, fed_per_round: 500, rounds: 2 } });
  for (const owners of [1, 100]) {
    expect(report.figures[`us_per_fed_job_${owners}_owners`]).toBeGreaterThan(0);
    expect(report.figures[`commands_per_fed_job_${owners}_owners`]).toBeLessThan(20);
  }
  expect(code).toBe(report.claims.every((claim) => claim.passed) ? 0 : 1);
});

async function quick(name: string): Promise<{ report: Report; code: number }> {
  const code = await runProof([name, "--quick", "--out", out], () => {});
  return { code, report: JSON.parse(await readFile(join(out, `${name}.quick.json`), "utf8")) as Report };
}

test.each([[[]], [["nothing"]], [["constructor"]], [["door", "door"]], [["door", "--seed", "x"]]])(
  "explains itself for the arguments %j",
  async (args) => {
    const lines: string[] = [];
    expect(await runProof(args, (line) => lines.push(line))).toBe(2);
    expect(lines.join("\n")).toContain("NAME is one of: door");
    expect(await readdir(out)).toEqual([]);
  },
);

test("batch-million, quick: every line is written once, however often the dispatcher is killed", {
  timeout: 120_000,
}, async () => {
  const { report } = await quick("batch-million");
  expect(report).toMatchObject({ name: "batch-million", quick: true, figures: { lines: 3_000, kills: 3, lines_written: 3_000 } });
  const [promises, growth] = [report.claims.slice(0, 6), report.claims.slice(6)];
  expect(promises.filter(({ passed }) => !passed)).toEqual([]);
  // Of so short a run, memory says nothing.
  expect(growth).toHaveLength(3);
});

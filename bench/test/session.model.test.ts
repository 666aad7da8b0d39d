import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

async function prove(name: string) {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    await runProof([name, "--quick", "--out", out], () => {});
    const { figures, claims } = JSON.parse(await readFile(join(out, `${name}.quick.json`), "utf8")) as Report;
    return { figures: figures as Record<string, number>, claims };
  } finally {
    await rm(out, { recursive: true });
  }
}

test("session, quick: a conversation of 20 turns reads a tenth of its prompts at most, and without a session more", async () => {
  const { figures, claims } = await prove("session");
  expect(claims.map(({ text, passed }) => [text, passed])).toEqual(claims.map(({ text }) => [text, true]));
  expect(claims).toHaveLength(2);
  expect(figures["reread_mean_without_session"]).toBeGreaterThan(figures["reread_mean"] ?? Number.NaN);
});

test("prefix-feeding, quick: both loads run both ways, owners alike; jobs that begin alike read less", async () => {
  const { figures, claims } = await prove("prefix-feeding");
  expect(claims).toHaveLength(3);
  expect(figures["factor"]).toBeGreaterThan(0);
  // Of the few jobs of a quick run.
  expect(figures["cached_share"]).toBeGreaterThan((figures["cached_share_blind"] ?? Number.NaN) - 0.1);
});

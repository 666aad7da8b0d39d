import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("resume, quick: workers die, and every text is read as one and is the uninterrupted one", async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    const code = await runProof(["resume", "--quick", "--out", out], () => {});
    const { figures, claims } = JSON.parse(await readFile(join(out, "resume.quick.json"), "utf8")) as Report;
    expect(claims.map(({ text, passed }) => [text, passed])).toEqual(claims.map(({ text }) => [text, true]));
    expect(claims).toHaveLength(8);
    expect(figures).toMatchObject({ generations: 8, tokens: 200, slots: 4, candidate_prompts: 8 });
    // A run in which no worker died, or all died before they had stored anything, would prove nothing.
    expect(figures["deaths"]).toBeGreaterThanOrEqual(8);
    expect(Math.min(...(figures["resumed_from"] as number[]))).toBeGreaterThan(0);
    expect(Math.max(...(figures["tokens_decoded_twice"] as number[]))).toBeGreaterThan(0);
    expect(code).toBe(0);
  } finally {
    await rm(out, { recursive: true });
  }
});

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("fair-share, quick: one job does not wait behind another caller's many, and tokens are shared by weight", async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    await runProof(["fair-share", "--quick", "--out", out], () => {});
    const { figures, claims } = JSON.parse(await readFile(join(out, "fair-share.quick.json"), "utf8")) as Report;
    const [left, wait] = claims;
    expect(left).toMatchObject({ passed: true });
    expect(wait).toMatchObject({ passed: true });
    // Of the few jobs of a quick run.
    const { weighted_share: share, weighted_tokens: tokens, foretold, eta_error_p50 } = figures as Record<string, number>;
    expect(foretold).toBeGreaterThan(3);
    expect(eta_error_p50).toBeLessThan(0.5);
    expect(tokens).toBeGreaterThan(1_000);
    expect(share).toBeGreaterThan(0.68);
    expect(share).toBeLessThan(0.82);
  } finally {
    await rm(out, { recursive: true });
  }
});

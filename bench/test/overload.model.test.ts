import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("overload, quick: what is accepted ends well, and all else is refused with a time", async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    const code = await runProof(["overload", "--quick", "--out", out], () => {});
    const { figures, claims } = JSON.parse(await readFile(join(out, "overload.quick.json"), "utf8")) as Report;
    expect(claims.map(({ text, passed }) => [text, passed])).toEqual(claims.map(({ text }) => [text, true]));
    expect(claims).toHaveLength(6);
    const { offered, accepted, refused } = figures as Record<string, number>;
    expect(Number(accepted) + Number(refused)).toBe(offered);
    // Ten times the capacity: most of it cannot be taken.
    expect(refused).toBeGreaterThan(Number(accepted));
    expect(code).toBe(0);
  } finally {
    await rm(out, { recursive: true });
  }
});

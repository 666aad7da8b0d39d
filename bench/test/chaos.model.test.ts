import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("chaos, quick: whatever goes wrong, every job ends once, as it was asked for, and is told", {
  timeout: 400_000,
}, async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  const said: string[] = [];
  try {
    const code = await runProof(["chaos", "--quick", "--out", out], (line) => said.push(line));
    const { claims, figures, schedule } = JSON.parse(await readFile(join(out, "chaos.quick.json"), "utf8")) as Report;
    const broken = claims.filter(({ passed }) => !passed);
    expect(broken, said.join("\n")).toEqual([]);
    expect(schedule).toHaveLength(Object.values(figures["disturbances"] as Record<string, number>).reduce((a, b) => a + b, 0));
    expect(code).toBe(0);
  } finally {
    await rm(out, { recursive: true });
  }
});

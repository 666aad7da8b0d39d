import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("reuse, quick: what was answered is answered again without a worker, and equal requests at once are computed once", async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    await runProof(["reuse", "--quick", "--out", out], () => {});
    const { claims } = JSON.parse(await readFile(join(out, "reuse.quick.json"), "utf8")) as Report;
    expect(claims.filter(({ passed }) => !passed)).toEqual([]);
    expect(claims).toHaveLength(7);
  } finally {
    await rm(out, { recursive: true });
  }
});

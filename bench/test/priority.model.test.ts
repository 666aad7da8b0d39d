import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../prove/report.ts";
import { runProof } from "../prove/run-proof.ts";

test("priority, quick: high jobs wait for no low ones, which lose no token by it, and low ones do not wait for ever", async () => {
  const out = await mkdtemp(join(tmpdir(), "llamero-prove-"));
  try {
    await runProof(["priority", "--quick", "--out", out], () => {});
    const { claims } = JSON.parse(await readFile(join(out, "priority.quick.json"), "utf8")) as Report;
    expect(claims.filter(({ passed }) => !passed)).toEqual([]);
    expect(claims).toHaveLength(4);
  } finally {
    await rm(out, { recursive: true });
  }
});

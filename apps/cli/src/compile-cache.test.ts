import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const run = promisify(execFile);
const main = new URL("./main.ts", import.meta.url).pathname;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-compiled-"));
});
afterEach(() => rm(folder, { recursive: true }));

const help = (cache: string) => run(process.execPath, [main, "--help"], { env: { ...process.env, NODE_COMPILE_CACHE: cache } });

test("what Node made of the code is kept for the next start", async () => {
  await help(folder);
  const [version = ""] = await readdir(folder);
  expect((await readdir(join(folder, version))).length).toBeGreaterThan(5);
});

test("where nothing can be kept, the program runs all the same", async () => {
  const file = join(folder, "in-the-way");
  await writeFile(file, "");
  expect((await help(file)).stdout).toContain("Usage: llamero");
});

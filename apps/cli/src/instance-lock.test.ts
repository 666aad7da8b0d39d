import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock, type HeldBy, type Lock } from "./instance-lock.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-lock-"));
  path = join(folder, "lock.sock");
});

afterEach(async () => {
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

function held(result: Lock | HeldBy): Lock {
  if (!("release" in result)) throw new Error(`held by ${result.pid}`);
  return result;
}

test("refuses a second holder and names the first", async () => {
  const lock = held(await acquireLock(path));
  expect(await acquireLock(path)).toEqual({ pid: process.pid });
  await lock.release();
});

test("can be taken again after its release, which is legal twice", async () => {
  const lock = held(await acquireLock(path));
  await lock.release();
  await lock.release();
  await held(await acquireLock(path)).release();
});

test("takes over from a process that was killed", async () => {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("listening"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await readdir(folder)).toEqual(["lock.sock"]);
  await held(await acquireLock(path)).release();
});

test("gives it to one of two that start at the same moment", async () => {
  const results = await Promise.all([acquireLock(path), acquireLock(path)]);
  const locks = results.filter((result) => "release" in result);
  expect(locks).toHaveLength(1);
  await locks[0]?.release();
});

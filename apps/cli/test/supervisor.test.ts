import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@llamero/core";
import { createLogger } from "@llamero/process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChildSpec, Supervisor } from "../src/supervisor.ts";
import { untilGone } from "./dev-harness.ts";

let folder: string;
const supervisors: Supervisor<string>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-supervisor-"));
});

afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) {
    await supervisor.stop(1000);
    expect(supervisor.pid).toBeNull();
  }
  await rm(folder, { recursive: true });
});

/** A child that runs the shell script; it is ready when it prints "ready". */
function child(script: string, spec: Partial<ChildSpec<string>> = {}): ChildSpec<string> {
  return {
    name: "child",
    spawn: () => spawn("sh", ["-c", script], { cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] }),
    untilReady: async (running) => {
      if (running.stdout === null) throw new Error("no output");
      for (;;) {
        const text = String((await once(running.stdout, "data"))[0]);
        if (text.includes("ready")) return text.trim();
      }
    },
    ...spec,
  };
}

function supervise(spec: ChildSpec<string>) {
  const lines: string[] = [];
  const logs: string[] = [];
  const waiting: (() => void)[] = [];
  const destination = {
    write: (line: string) => {
      logs.push(JSON.parse(line).msg);
      for (const wake of waiting.splice(0)) wake();
    },
  };
  const supervisor = new Supervisor(spec, {
    logger: createLogger({ name: "dev", level: "info", destination }),
    onLine: (_, line) => lines.push(line),
    backoff: { firstMs: 10, maxMs: 40, healthyMs: 60_000 },
  });
  supervisors.push(supervisor);
  const logged = async (count: number) => {
    while (logs.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return logs.slice(0, count);
  };
  return { supervisor, lines, logged };
}

test("doubles the pause at each crash, up to a limit", async () => {
  const { supervisor, logged } = supervise(child("echo ready; exit 3"));
  await supervisor.start();
  const ended = (await logged(9)).filter((text) => text.includes("started again"));
  expect(ended.slice(0, 4)).toEqual([
    "child ended (exit code 3). It is started again in 0.01 s.",
    "child ended (exit code 3). It is started again in 0.02 s.",
    "child ended (exit code 3). It is started again in 0.04 s.",
    "child ended (exit code 3). It is started again in 0.04 s.",
  ]);
});

test("goes on trying when a crashed child does not get ready again", async () => {
  const { supervisor, logged } = supervise(child("[ -e once ] && { echo no; exit 1; }; touch once; echo ready; exit 1"));
  await supervisor.start();
  expect(await logged(2)).toEqual([
    "child ended (exit code 1). It is started again in 0.01 s.",
    "child did not start again: child ended before it was ready (exit code 1). It is started again in 0.02 s.",
  ]);
});

test("does not start again what never got ready, and explains its end from its last lines", async () => {
  const explainExit = (lines: readonly string[]) => new AppError("redis_start_failed", lines.join(" / "));
  const { supervisor, logged } = supervise(child("echo one; echo two; exit 1", { explainExit }));
  await expect(supervisor.start()).rejects.toThrow("one / two");
  expect(await logged(0)).toEqual([]);
  expect(supervisor.pid).toBeNull();
});

test("says that a program is missing", async () => {
  const missing = () => spawn("no-such-program", [], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { supervisor } = supervise(child("", { spawn: missing }));
  await expect(supervisor.start()).rejects.toThrow("ENOENT");
});

test("takes along what a crashed child has started itself", async () => {
  const { supervisor, lines, logged } = supervise(child("sleep 100 & echo $!; echo ready; wait"));
  await supervisor.start();
  const grandchild = Number(lines[0]);
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  await logged(1);
  await untilGone(grandchild);
});

test("kills a child that ignores the request to stop, when its time is up", async () => {
  const { supervisor, logged } = supervise(child("trap '' TERM; echo ready; while :; do sleep 100; done"));
  await supervisor.start();
  await supervisor.stop(50);
  expect(await logged(1)).toEqual(["child did not stop within 50 ms and is killed"]);
});

test("cancels a restart that is due when it is stopped", async () => {
  const { supervisor, logged } = supervise(child("[ -e once ] && exit 9; touch once; echo ready; exit 1"));
  await supervisor.start();
  await logged(1);
  await supervisor.stop(1000);
  await supervisor.stop(1000);
  expect(supervisor.pid).toBeNull();
});

test("keeps a quiet child's start to itself", async () => {
  const { supervisor, lines } = supervise(child("echo noise; echo ready; sleep 100", { quietUntilReady: true }));
  await supervisor.start();
  expect(lines).toEqual([]);
});

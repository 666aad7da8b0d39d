import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { isAlive } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { untilGone } from "./dev-harness.ts";

let folder: string;
let started: ChildProcess | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-gpus-"));
  await writeFile(join(folder, "events"), "");
  await mkdir(join(folder, "bin"));
  started = null;
});

afterEach(async () => {
  started?.kill("SIGKILL");
  await Promise.all((await workers()).map(({ pid }) => untilGone(pid)));
  await rm(folder, { recursive: true });
});

/** Puts an nvidia-smi on PATH that says this. */
async function listing(script: string): Promise<void> {
  const path = join(folder, "bin", "nvidia-smi");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}
const TWO = 'echo "0, NVIDIA H200, 143771 MiB"; echo "1, NVIDIA H200, 143771 MiB"';

function start(gpus: string, env: Record<string, string> = {}) {
  const path = [join(folder, "bin"), dirname(process.execPath), "/bin", "/usr/bin"].join(delimiter);
  const child = spawn(process.execPath, [join(import.meta.dirname, "gpu-workers-main.ts")], {
    env: { PATH: path, LLAMERO_GPUS: gpus, FAKE_EVENTS: join(folder, "events"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started = child;
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const closed = once(child, "close");
  return {
    child,
    output: () => output,
    printed: (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: 20_000, interval: 10 }),
    exit: async () => {
      await closed;
      return child.exitCode;
    },
  };
}

/** Every worker that was started so far, in order. */
async function workers(): Promise<{ pid: number; gpu: string }[]> {
  const lines = (await readFile(join(folder, "events"), "utf8")).split("\n").filter((line) => line.startsWith("worker start "));
  return lines.map((line) => {
    const [, , pid, , gpu = ""] = line.split(" ");
    return { pid: Number(pid), gpu };
  });
}

test("starts a worker per GPU, each pinned to its own, and stops them together", async () => {
  await listing(TWO);
  const running = start("all");
  await running.printed("every GPU has its worker");
  expect((await workers()).map(({ gpu }) => gpu)).toEqual(["0:PCI_BUS_ID", "1:PCI_BUS_ID"]);
  running.child.kill("SIGTERM");
  expect(await running.exit()).toBe(0);
  expect((await readFile(join(folder, "events"), "utf8")).match(/worker stop/g)).toHaveLength(2);
});

test("starts a crashed worker again on its GPU", async () => {
  await listing(TWO);
  const running = start("1");
  await running.printed("every GPU has its worker");
  const [first] = await workers();
  process.kill(first?.pid ?? 0, "SIGKILL");
  await running.printed("worker on GPU 1 is ready again");
  expect((await workers()).map(({ gpu }) => gpu)).toEqual(["1:PCI_BUS_ID", "1:PCI_BUS_ID"]);
  running.child.kill("SIGTERM");
  expect(await running.exit()).toBe(0);
});

test("a worker that cannot start ends them all with its message", async () => {
  await listing(TWO);
  const running = start("all", { FAKE_FAIL: "worker" });
  expect(await running.exit()).toBe(1);
  expect(running.output()).toContain("llamero worker: The worker could not start. tiny.gguf is not a GGUF file.");
  expect((await workers()).filter(({ pid }) => isAlive(pid))).toEqual([]);
});

test.each([
  ["a GPU that is not there", TWO, "0,7", {}, "There is no GPU 7 on this machine. GPUs: 0 (NVIDIA H200, 143771 MiB), 1 ("],
  ["no GPU at all", "exit 0", "all", {}, "nvidia-smi lists no GPU. Install the NVIDIA driver"],
  ["a driver that does not answer", "exit 9", "all", {}, "nvidia-smi, which lists them, failed. Install the NVIDIA driver"],
  ["a backend that numbers no GPUs", TWO, "all", { LLAMERO_GPU: "vulkan" }, "LLAMERO_GPU is vulkan. Set one of the two"],
  ["a list that is none", TWO, "first", {}, 'LLAMERO_GPUS="first": must be all, or comma-separated indices'],
])("refuses %s", async (_what, script, gpus, env, message) => {
  await listing(script);
  const running = start(gpus, env);
  expect(await running.exit()).toBe(1);
  expect(running.output()).toContain(message);
  expect(await workers()).toEqual([]);
});

test("refuses a machine without the NVIDIA driver", async () => {
  const running = start("all", { PATH: join(folder, "bin") });
  expect(await running.exit()).toBe(1);
  expect(running.output()).toContain("nvidia-smi, which lists them, is not on PATH. Install the NVIDIA driver");
});

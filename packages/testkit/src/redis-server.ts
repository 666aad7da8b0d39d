import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { AppError } from "@llamero/core";

export interface TestRedis {
  /** `unix://…`, good for every connection of the store. */
  url: string;
  dir: string;
  process: ChildProcess;
  /** Kills the server as a crash would (SIGKILL) and waits for its end; its files stay. */
  kill(): Promise<void>;
  /** Starts it again on the same files. @param signal what ends it, if it still runs. Default: SIGKILL */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** While it is full, every write to a file fails (EFBIG), as on a full disk (ENOSPC). Linux only. */
  setDiskFull(isFull: boolean): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

/** Names tried, in order: both speak the same protocol. */
const binaries = ["redis-server", "valkey-server"];

/** A write beyond the limit of a file's size is to fail, not to end the process: what is ignored stays so through an exec. */
const SCRIPT = `trap '' XFSZ; command -v "$0" >/dev/null || exit 127; exec "$0" "$@"`;
const NOT_FOUND = 127;

function launch(binary: string, dir: string, extra: readonly string[]): ChildProcess {
  const socket = join(dir, "redis.sock");
  const settings = ["--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes", ...extra];
  return spawn("sh", ["-c", SCRIPT, binary, ...settings], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Waits for the server's own word that it takes connections. */
async function ready(child: ChildProcess): Promise<void> {
  const { stdout } = child;
  if (stdout === null) throw new Error("the server's output is not piped");
  const failed = once(child, "error").then(([error]) => Promise.reject(error));
  const lines = createInterface({ input: stdout });
  const listening = new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => /ready to accept connections/i.test(line) && resolve());
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code} before it was ready`)));
  });
  await Promise.race([listening, failed]);
  failed.catch(() => {});
  lines.close();
  stdout.resume();
}

async function startAny(dir: string, extra: readonly string[]): Promise<ChildProcess> {
  for (const binary of binaries) {
    const child = launch(binary, dir, extra);
    try {
      await ready(child);
      return child;
    } catch (error) {
      if (child.exitCode !== NOT_FOUND) throw error;
    }
  }
  throw new AppError("redis_start_failed", `Tests need ${binaries.join(" or ")} on PATH; \`npm test\` installs one.`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/**
 * A real Redis of the test's own, on a Unix socket in a folder of its own, with its append-only file on.
 * @param extra further settings, as on the command line: `["--maxmemory", "10mb"]`
 */
export async function startRedis(extra: readonly string[] = []): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), "llamero-test-"));
  const redis: TestRedis = {
    url: `unix://${join(dir, "redis.sock")}`,
    dir,
    process: await startAny(dir, extra),
    kill: () => end(redis.process, "SIGKILL"),
    restart: async (signal = "SIGKILL") => {
      await end(redis.process, signal);
      redis.process = await startAny(dir, extra);
    },
    setDiskFull: async (isFull) => {
      const limit = isFull ? "1" : "unlimited";
      await promisify(execFile)("prlimit", ["--pid", String(redis.process.pid), `--fsize=${limit}:`]);
    },
    close: async () => {
      // At once: one that is writing its first append-only file refuses to be told, and its files go anyway.
      await end(redis.process, "SIGKILL");
      await rm(dir, { recursive: true, force: true });
    },
  };
  return redis;
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { startRedis, type TestRedis } from "./redis-server.ts";

/** The name that the Sentinels know the fleet by. */
const NAME = "main";
/** A server that is silent for so long is down; a fail-over that does not get on is tried again, in milliseconds. */
const DOWN_AFTER_MS = 500;
const FAILOVER_MS = 3_000;
/** The first copy of an empty server takes less. */
const CATCH_UP_MS = 10_000;

export interface RedisFleet {
  /** `sentinel://…`: whichever server is the primary. */
  url: string;
  primary: TestRedis;
  replica: TestRedis;
  close(): Promise<void>;
}

async function startServer(port: number, extra: readonly string[] = []): Promise<TestRedis> {
  return startRedis(["--port", String(port), "--bind", "127.0.0.1", ...extra]);
}

/** Resolves at the first line of a server's output that fits. */
async function said(process: ChildProcess, pattern: RegExp): Promise<void> {
  if (process.stdout === null) throw new Error("its output is not piped");
  for await (const line of createInterface({ input: process.stdout })) if (pattern.test(line)) break;
  process.stdout.resume();
}

/** A primary, a replica that has caught up with it, and a Sentinel that fails over by itself. */
export async function startRedisFleet(): Promise<RedisFleet> {
  const [primaryPort, replicaPort, sentinelPort] = [await freePort(), await freePort(), await freePort()];
  const primary = await startServer(primaryPort, ["--repl-diskless-sync-delay", "0"]);
  const replica = await startServer(replicaPort, ["--replicaof", `127.0.0.1 ${primaryPort}`]);
  const { stdout: caughtUp } = await promisify(execFile)("redis-cli", [
    "-p",
    String(primaryPort),
    "WAIT",
    "1",
    String(CATCH_UP_MS),
  ]);
  if (caughtUp.trim() !== "1") throw new Error("the replica did not catch up");
  const dir = await mkdtemp(join(tmpdir(), "llamero-sentinel-"));
  const config = join(dir, "sentinel.conf");
  const watch = [
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 1`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_MS}`,
  ];
  await writeFile(config, [`port ${sentinelPort}`, "bind 127.0.0.1", `dir ${dir}`, ...watch, ""].join("\n"));
  const sentinel = spawn("redis-server", [config, "--sentinel"], { stdio: ["ignore", "pipe", "inherit"] });
  // It looks for replicas through the primary, and can fail over only to one that it knows.
  await said(sentinel, /\+slave slave/);
  return {
    url: `sentinel://127.0.0.1:${sentinelPort}/${NAME}`,
    primary,
    replica,
    close: async () => {
      const ended = once(sentinel, "exit");
      sentinel.kill("SIGKILL");
      await ended;
      await Promise.all([primary.close(), replica.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

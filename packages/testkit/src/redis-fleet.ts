import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
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

/** Resolves when a server has said each of these so many times. */
async function said(process: ChildProcess, wanted: readonly [RegExp, number][]): Promise<void> {
  if (process.stdout === null) throw new Error("its output is not piped");
  const left = new Map(wanted);
  for await (const line of createInterface({ input: process.stdout })) {
    for (const [pattern, count] of left) if (pattern.test(line)) left.set(pattern, count - 1);
    if ([...left.values()].every((count) => count <= 0)) break;
  }
  process.stdout.resume();
}

async function catchUp(primaryPort: number): Promise<void> {
  const wait = ["-p", String(primaryPort), "WAIT", "1", String(CATCH_UP_MS)];
  const { stdout } = await promisify(execFile)("redis-cli", wait);
  if (stdout.trim() !== "1") throw new Error("the replica did not catch up");
}

interface Watch {
  dir: string;
  port: number;
  primaryPort: number;
  sentinels: number;
}

/** Starts a Sentinel; resolves when it knows the replica, and all the others. */
async function startSentinel({ dir, port, primaryPort, sentinels }: Watch): Promise<ChildProcess> {
  const own = join(dir, String(port));
  await mkdir(own);
  const config = [
    ...[`port ${port}`, "bind 127.0.0.1", `dir ${own}`],
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${Math.floor(sentinels / 2) + 1}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_MS}`,
    "",
  ];
  await writeFile(join(own, "sentinel.conf"), config.join("\n"));
  const sentinel = spawn("redis-server", [join(own, "sentinel.conf"), "--sentinel"], { stdio: ["ignore", "pipe", "inherit"] });
  // It looks for replicas and others through the primary, and can fail over only to one that it knows.
  await said(sentinel, [
    [/\+slave slave/, 1],
    [/\+sentinel sentinel/, sentinels - 1],
  ]);
  return sentinel;
}

async function endAll(processes: readonly ChildProcess[]): Promise<void> {
  const ended = processes.map((process) => once(process, "exit"));
  for (const process of processes) process.kill("SIGKILL");
  await Promise.all(ended);
}

/**
 * A primary, a replica that has caught up with it, and Sentinels that fail over by themselves.
 * @param sentinels most of them must agree that the primary is down
 */
export async function startRedisFleet({ sentinels = 1 }: { sentinels?: number } = {}): Promise<RedisFleet> {
  const [primaryPort, replicaPort] = [await freePort(), await freePort()];
  const primary = await startServer(primaryPort, ["--repl-diskless-sync-delay", "0"]);
  const replica = await startServer(replicaPort, ["--replicaof", `127.0.0.1 ${primaryPort}`]);
  await catchUp(primaryPort);
  const dir = await mkdtemp(join(tmpdir(), "llamero-sentinel-"));
  const ports: number[] = [];
  while (ports.length < sentinels) ports.push(await freePort());
  const watching = await Promise.all(ports.map((port) => startSentinel({ dir, port, primaryPort, sentinels })));
  return {
    url: `sentinel://${ports.map((port) => `127.0.0.1:${port}`).join()}/${NAME}`,
    primary,
    replica,
    close: async () => {
      await endAll(watching);
      await Promise.all([primary.close(), replica.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectRedis } from "@llamero/store";
import { freePort, startRedis } from "@llamero/testkit";
import { startBalancer } from "./balancer.ts";
import { buildImage, type Image } from "./image.ts";
import type { Connection } from "./redis-stats.ts";

const LOOK_MS = 50;
/** As the Compose file has it. */
const DRAINING = { LLAMERO_DRAIN_SECONDS: "5", LLAMERO_STOP_SECONDS: "12" };
const ENGINE = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_SLOTS: "4" };

/** A process of the image, which may be replaced by another one at the same ports. */
export interface Rolled {
  name: string;
  /** SIGTERM, its end, another one, until that is ready. */
  replace(): Promise<void>;
  stop(): Promise<void>;
}

/** Two APIs behind a balancer, three workers and a dispatcher, as their images start them, on one Redis. */
export interface RollingDeployment {
  url: string;
  redis: Connection;
  processes: readonly Rolled[];
  /** Resolves when the balancer sends calls to both APIs. */
  allUp(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function startRolled(image: Image, name: string, command: string, env: Record<string, string>): Promise<Rolled> {
  const opsPort = String(await freePort());
  const [program = "", ...args] = image.entrypoint;
  const launch = async (): Promise<ChildProcess> => {
    const child = spawn(program, [...args, command], {
      cwd: image.folder,
      env: { PATH: process.env["PATH"], ...env, LLAMERO_OPS_PORT: opsPort },
      stdio: ["ignore", "ignore", "inherit"],
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode} before it was ready`);
      const answer = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => null);
      if (answer?.status === 200) return child;
      await pause(LOOK_MS);
    }
  };
  let child = await launch();
  const stop = async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const [code] = await ended;
    if (code !== 0) throw new Error(`${name} ended with code ${code}`);
  };
  return {
    name,
    stop,
    replace: async () => {
      await stop();
      child = await launch();
    },
  };
}

export async function openRollingDeployment(webhooks: Record<string, string>): Promise<RollingDeployment> {
  // What is open is closed in reverse, also when what follows fails.
  await using open = new AsyncDisposableStack();
  const image = open.use(await buildImage("cpu"));
  const files = await mkdtemp(join(tmpdir(), "llamero-files-"));
  open.defer(() => rm(files, { recursive: true }));
  const server = open.adopt(await startRedis(["--appendfsync", "everysec"]), (redis) => redis.close());
  const env = {
    REDIS_URL: server.url,
    HOST: "127.0.0.1",
    LOG_LEVEL: "error",
    LLAMERO_REUSE: "off",
    DATA_DIR: files,
    ...webhooks,
  };
  const ports = [await freePort(), await freePort()];
  const tiny = { ...ENGINE, LLAMERO_MODELS: join(image.folder, "models/tiny/tiny.gguf") };
  const start = async (name: string, command: string, own: Record<string, string> = {}) =>
    open.adopt(await startRolled(image, name, command, { ...env, ...own }), (process) => process.stop());
  const processes = await Promise.all([
    ...ports.map((port, index) => start(`api ${index + 1}`, "api", { ...DRAINING, PORT: String(port) })),
    ...[1, 2, 3].map((number) => start(`worker ${number}`, "worker", tiny)),
    start("dispatcher", "dispatcher"),
  ]);
  const balancer = open.use(await startBalancer(ports));
  await balancer.allUp();
  const redis = open.adopt(await connectRedis(server.url, "commands"), (connection) => connection.disconnect());
  const whole = open.move();
  return {
    url: balancer.url,
    redis,
    processes,
    allUp: () => balancer.allUp(),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectRedis } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis } from "@llamero/testkit";
import { usageOf } from "../engine/process-usage.ts";
import { type Connection, usedMemory } from "../prove/redis-stats.ts";

const stubWorker = fileURLToPath(new URL("./stub-worker.ts", import.meta.url));
/** The bundled model on one core, so that the other is left for everything else. */
const MODEL_WORKER = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_SLOTS: "32" };

/** In MiB. */
export interface Memory {
  api: number;
  dispatcher: number;
  redis: number;
}

/** Redis, an API, a worker and a dispatcher that can be killed, each a process of its own, and a storage. */
export interface BatchDeployment {
  redis: Connection;
  url: string;
  folder: string;
  /** Kills the dispatcher; another one starts. */
  killDispatcher(): Promise<void>;
  memory(): Promise<Memory>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param worker one with the bundled model, or one that answers each job at once */
export async function openBatchDeployment(worker: "model" | "stub"): Promise<BatchDeployment> {
  const folder = await mkdtemp(join(tmpdir(), "llamero-batch-"));
  const server = await startRedis(["--appendfsync", "everysec"]);
  const redis = await connectRedis(server.url, "commands");
  const env = { REDIS_URL: server.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn", DATA_DIR: folder };
  const running: LlameroProcess[] = [];
  const start = async (...args: Parameters<typeof startLlamero>) => {
    const started = await startLlamero(...args);
    running.push(started);
    return started;
  };
  const close = async () => {
    await Promise.all(running.map((process) => process.kill()));
    redis.disconnect();
    await server.close();
    await rm(folder, { recursive: true });
  };
  try {
    const api = await start("api", env);
    await (worker === "stub" ? start("worker", env, stubWorker) : start("worker", { ...env, ...MODEL_WORKER }));
    let dispatcher = await start("dispatcher", env);
    const mebibytes = async (pid: number | undefined) => (await usageOf([pid ?? 0])).rssBytes / 2 ** 20;
    return {
      redis,
      url: api.ready.url ?? "",
      folder,
      killDispatcher: async () => {
        await dispatcher.kill();
        dispatcher = await start("dispatcher", env);
      },
      memory: async () => ({
        api: await mebibytes(api.child.pid),
        dispatcher: await mebibytes(dispatcher.child.pid),
        redis: (await usedMemory(redis)) / 2 ** 20,
      }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

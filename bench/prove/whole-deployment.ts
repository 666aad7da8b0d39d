import { type Job, jobSchema } from "@llamero/core";
import { connectRedis } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis } from "@llamero/testkit";
import { usageOf } from "../engine/process-usage.ts";
import { type Connection, usedMemory } from "./redis-stats.ts";

/** The bundled model on one core, so that the other is left for what is under load. */
const WORKER = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_SLOTS: "8" };
const LOOK_EVERY_MS = 200;

export interface Memory {
  apiRssBytes: number;
  redisRssBytes: number;
  redisUsedBytes: number;
}

/** Redis, an API, workers and a dispatcher, each a process of its own. */
export interface WholeDeployment {
  redis: Connection;
  /** Where jobs are submitted. */
  url: URL;
  /** The job when it has ended. */
  ended(id: string): Promise<Job>;
  memory(): Promise<Memory>;
  /** Looks at the memory until it is stopped; what it gives then is the most of each. */
  watchMemory(): { stop(): Promise<Memory> };
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * @param settings of all its processes, besides those that they share; requests are computed unless they say otherwise
 * @param workers the settings of each worker besides those. Default: one, with the bundled model
 */
export async function openWholeDeployment(
  settings: Record<string, string>,
  workers: readonly Record<string, string>[] = [WORKER],
): Promise<WholeDeployment> {
  const server = await startRedis(["--appendfsync", "everysec"]);
  const redis = await connectRedis(server.url, "commands");
  const env = { REDIS_URL: server.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn", ...settings };
  const starting = [
    startLlamero("api", env),
    ...workers.map((worker) => startLlamero("worker", { ...env, ...worker })),
    startLlamero("dispatcher", env),
  ];
  const close = async (processes: readonly LlameroProcess[]) => {
    await Promise.all(processes.map((process) => process.kill()));
    redis.disconnect();
    await server.close();
  };
  const started = await Promise.allSettled(starting);
  const processes = started.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const [api] = processes;
  const failed = started.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined || api === undefined) {
    await close(processes);
    throw failed?.reason;
  }
  const url = new URL("/v1/jobs", api.ready.url);
  const memory = async (): Promise<Memory> => {
    const [ofApi, ofRedis] = await Promise.all([usageOf([api.child.pid ?? 0]), usageOf([server.process.pid ?? 0])]);
    return { apiRssBytes: ofApi.rssBytes, redisRssBytes: ofRedis.rssBytes, redisUsedBytes: await usedMemory(redis) };
  };
  return {
    redis,
    url,
    memory,
    ended: async (id) => {
      for (;;) {
        const response = await fetch(`${url}/${id}?wait=60`);
        if (!response.ok) throw new Error(`job ${id} was answered with ${response.status}: ${await response.text()}`);
        const job = jobSchema.parse(await response.json());
        if (job.finished_at !== null) return job;
      }
    },
    watchMemory: () => watch(memory),
    [Symbol.asyncDispose]: () => close(processes),
  };
}

function watch(look: () => Promise<Memory>) {
  const most: Memory = { apiRssBytes: 0, redisRssBytes: 0, redisUsedBytes: 0 };
  const take = async () => {
    const seen = await look();
    for (const name of Object.keys(most) as (keyof Memory)[]) most[name] = Math.max(most[name], seen[name]);
  };
  let looking = take();
  const timer = setInterval(() => {
    looking = looking.then(take);
    looking.catch(() => {});
  }, LOOK_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      return most;
    },
  };
}

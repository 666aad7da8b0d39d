import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connectRedis, createStore, type Store } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import { PacedServer } from "./paced-server.ts";
import type { Connection } from "./redis-stats.ts";

const ROOT = join(import.meta.dirname, "../..");
export const MODEL = "paced";
const SLOTS = 8;
/** A job of 20 tokens takes two seconds, so a worker of 8 slots ends four a second. */
const TOKEN_MS = 100;
export const TOKENS = 20;
export const SAMPLE_MS = 1_000;

export interface Scaling {
  targetSeconds: number;
  downAfterSeconds: number;
  maxWorkers: number;
}

/** How things stand in one second. */
export interface Sample {
  workers: number;
  desired: number;
  waiting: number;
  arrived: number;
}

/** An API, a dispatcher, a model whose tokens come at a pace, and `llamero autoscale` for its workers. */
export interface ScalingDeployment {
  api: string;
  redis: Connection;
  store: Store;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openScalingDeployment(scaling: Scaling): Promise<ScalingDeployment> {
  const { targetSeconds, downAfterSeconds, maxWorkers } = scaling;
  const paced = await PacedServer.start(TOKEN_MS);
  const server = await startRedis(["--appendfsync", "everysec"]);
  const redis = await connectRedis(server.url, "commands");
  const env = { REDIS_URL: server.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn", LLAMERO_REUSE: "off" };
  const [api, dispatcher] = await Promise.all([startLlamero("api", env), startLlamero("dispatcher", env)]);
  const models = `${MODEL}=${paced.url}?model=paced&slots=${SLOTS}&does=completion`;
  const flags = ["--model", MODEL, "--max", maxWorkers, "--target", targetSeconds, "--down-after", downAfterSeconds];
  const scaler = spawn(process.execPath, ["apps/cli/src/main.ts", "autoscale", ...flags.map(String)], {
    cwd: ROOT,
    env: { ...process.env, ...env, LLAMERO_MODELS: models },
    // It ends with whoever has started it, however that ends.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return {
    api: api.ready.url ?? "",
    redis,
    store: createStore({ redis, prefix: "llamero" }),
    [Symbol.asyncDispose]: () => close({ scaler, processes: [api, dispatcher], redis, server, paced }),
  };
}

interface Opened {
  scaler: ChildProcess;
  processes: readonly LlameroProcess[];
  redis: Connection;
  server: TestRedis;
  paced: PacedServer;
}

async function close({ scaler, processes, redis, server, paced }: Opened): Promise<void> {
  if (scaler.exitCode === null) {
    const ended = once(scaler, "exit");
    scaler.kill("SIGTERM");
    await ended;
  }
  await Promise.all(processes.map((process) => process.kill()));
  redis.disconnect();
  await server.close();
  paced.close();
}

export interface Sampling {
  arrived(): void;
  stop(): Promise<Sample[]>;
}

/** Looks every second until it is stopped. */
export function sample(api: string, store: Store): Sampling {
  const samples: Sample[] = [];
  let arrived = 0;
  const take = async () => {
    const live = await store.liveWorkers();
    const response = await fetch(`${api}/v1/queues/${MODEL}/scale`);
    const scale = response.ok ? ((await response.json()) as { desired_workers: number }) : { desired_workers: 0 };
    const [queue] = response.ok ? await store.queues([MODEL]) : [];
    const serving = live.filter(({ slots }) => slots.some((each) => each.slots > 0)).length;
    samples.push({ workers: serving, desired: scale.desired_workers, waiting: queue?.counts.queued ?? 0, arrived });
    arrived = 0;
  };
  let taking = Promise.resolve();
  const timer = setInterval(() => {
    taking = taking.then(take);
    taking.catch(() => {});
  }, SAMPLE_MS);
  return {
    arrived: () => {
      arrived += 1;
    },
    stop: async () => {
      clearInterval(timer);
      await taking;
      return samples;
    },
  };
}

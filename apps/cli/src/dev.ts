import { rmSync } from "node:fs";
import { createLogger, type Env, type ProcessContext, type ReadyDetails, runProcess } from "@llamero/process";
import { banner } from "./banner.ts";
import { openDataFolder } from "./data-folder.ts";
import { type DevConfig, parseDevEnv } from "./dev-config.ts";
import { embeddedRedis, embeddedRedisUrl, endOrphan } from "./embedded-redis.ts";
import { requireRedis } from "./external-redis.ts";
import { Fleet } from "./fleet.ts";
import { forkedProcess } from "./forked-process.ts";
import { requireFreePort } from "./free-port.ts";
import { createLogLines } from "./log-lines.ts";
import { portBehind } from "./port-behind.ts";
import type { Backoff } from "./supervisor.ts";

/**
 * Each child's part of `LLAMERO_STOP_SECONDS`. They stop in this order, one after the other: first no new jobs, then the
 * running ones, then the webhooks of what has ended, last the Redis that they all write to.
 */
const stopShares = { api: 0.25, worker: 0.375, dispatcher: 0.25, redis: 0.125 } as const;

/** Part of its share after which a child gives up by itself and says on what, before it is killed for being late. */
const ownDeadline = 0.9;

/** Each child's port for operators, counted from `LLAMERO_OPS_PORT`. */
const opsPorts = { api: 0, dispatcher: 1, worker: 2 } as const;

/** Seconds on top of the shares for processes to be reaped and files to be removed. */
const stopMarginSeconds = 1.5;

export interface DevOptions {
  readonly env: Env;
  /** The script that runs `api`, `worker` and `dispatcher` when that name is its first argument. */
  readonly entry: string;
  readonly out: NodeJS.WriteStream;
  readonly backoff?: Backoff;
}

/** Everything on this machine: Redis, API, worker and dispatcher as children of this process, until it is told to stop. */
export async function dev({ env, entry, out, backoff }: DevOptions): Promise<void> {
  const colour = out.isTTY === true && out.hasColors();
  const onLine = createLogLines({ write: (text) => out.write(text), colour });
  let fleet: Fleet | null = null;
  await runProcess<DevConfig>({
    name: "dev",
    configure: () => withStopMargin(parseDevEnv(env)),
    logger: ({ LOG_LEVEL }) =>
      createLogger({ name: "dev", level: LOG_LEVEL, destination: { write: (line) => onLine("dev", line) } }),
    kill: () => fleet?.kill(),
    start: async (context) => {
      fleet = new Fleet({ ...context, onLine, backoff });
      const ready = await startAll(fleet, context, { env, entry });
      const needsKey = context.config.LLAMERO_API_KEYS.length > 0;
      out.write(banner({ ...ready, grpcUrl: ready.grpc_url, needsKey }));
      return ready;
    },
  });
}

type DevContext = ProcessContext<DevConfig>;

/** What `runProcess` waits for, for the shares are what the children get. */
function withStopMargin(config: DevConfig): DevConfig {
  return { ...config, LLAMERO_STOP_SECONDS: config.LLAMERO_STOP_SECONDS + stopMarginSeconds };
}

async function startAll(fleet: Fleet, context: DevContext, { env, entry }: Pick<DevOptions, "env" | "entry">) {
  const { config } = context;
  const REDIS_URL = await openRedis(fleet, context);
  const start = (name: "api" | "worker" | "dispatcher"): Promise<ReadyDetails> => {
    const stopSeconds = stopSecondsOf(name, config);
    const childEnv = {
      ...env,
      REDIS_URL,
      LLAMERO_STOP_SECONDS: (stopSeconds * ownDeadline).toFixed(3),
      LLAMERO_OPS_PORT: portBehind(config.LLAMERO_OPS_PORT, opsPorts[name]),
    };
    return fleet.start(forkedProcess({ name, entry, env: childEnv }), stopSeconds);
  };
  const ready = [start("dispatcher"), start("worker"), start("api")];
  const details: ReadyDetails = Object.assign({}, ...(await Promise.all(ready)));
  return { ...details, url: details.url ?? `http://${config.HOST}:${config.PORT}`, models: details.models ?? [] };
}

/** Takes the data folder, checks the ports and sees to a Redis, in the order in which a mistake is best told. */
async function openRedis(fleet: Fleet, { config, logger, lifecycle }: DevContext): Promise<string> {
  const data = await openDataFolder(config.DATA_DIR);
  lifecycle.defer("data folder", () => data.release());
  fleet.onKill(() => rmSync(data.runtime.path, { recursive: true, force: true }));
  for (const setting of ["PORT", "LLAMERO_GRPC_PORT"] as const)
    if (config[setting] !== undefined) await requireFreePort(config.HOST, config[setting], setting);
  for (const { redisSocket } of data.formerRuntimes) {
    if (await endOrphan(redisSocket)) logger.warn("the last run was killed; ended the Redis that it left behind");
  }
  if (config.REDIS_URL !== undefined) {
    await requireRedis(config.REDIS_URL);
    return config.REDIS_URL;
  }
  await fleet.start(await embeddedRedis(data), stopSecondsOf("redis", config));
  return embeddedRedisUrl(data);
}

function stopSecondsOf(name: keyof typeof stopShares, config: DevConfig): number {
  return (config.LLAMERO_STOP_SECONDS - stopMarginSeconds) * stopShares[name];
}

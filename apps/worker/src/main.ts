import type { LiveSettings } from "@llamero/core";
import {
  type Env,
  loadHooks,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  setLogLevel,
  settingsFor,
} from "@llamero/process";
import { connectRedis, onStopRequest, onWish, requireServer, watchSettings } from "@llamero/store";
import { assemble } from "./assemble.ts";
import { Engines } from "./engines.ts";
import { servedModels, type Wanted } from "./served-models.ts";

type Context = ProcessContext<Settings<"worker">>;

/** Runs a worker until it is told to stop. */
export async function main(env: Env): Promise<void> {
  const engines = new Engines();
  await runProcess({
    name: "worker",
    role: "worker",
    configure: () => parseEnv(settingsFor("worker"), env),
    start: (context) => start(context, engines, env),
    kill: () => engines.kill(),
  });
}

async function openRedis({ config, lifecycle, logger }: Context) {
  const open = async (name: string, role: "worker" | "blocking") => {
    const redis = await connectRedis(config.REDIS_URL, role);
    lifecycle.defer(name, () => redis.disconnect());
    return redis;
  };
  const redis = await open("redis", "worker");
  for (const warning of await requireServer(redis)) logger.warn(warning);
  return { redis, pulls: await open("redis pulls", "blocking"), hints: await open("redis hints", "blocking") };
}

async function start(context: Context, engines: Engines, env: Env): Promise<ReadyDetails> {
  const { config, logger, lifecycle } = context;
  const connections = await openRedis(context);
  const hooks = await loadHooks(config, logger);
  const survey = (wanted: Wanted) => servedModels(context, wanted, { engines, env });
  const serving = await survey({ specs: config.LLAMERO_MODELS, heldBytes: 0 });
  const worker = assemble(context, connections, { ...serving, survey, hooks });
  const { store, workerId, models, placement, heartbeat, wishes, announceAll } = worker;
  const onChange = ({ log_level }: LiveSettings) => setLogLevel(logger, log_level ?? config.LOG_LEVEL);
  await watchSettings({ store, subscriber: connections.hints, onChange, lifecycle, logger });
  await onStopRequest(connections.hints, store.keys, (jobId, reason) => placement.stop(jobId, reason));
  onWish(connections.hints, store.keys, workerId, () => wishes.ask());
  await heartbeat.start();
  await placement.fill();
  await announceAll();
  await heartbeat.beat();
  placement.start();
  wishes.start();
  const named = models.flatMap((model) => [model.facts, ...model.variants]);
  return { models: named.map(({ name, base, slots, context_length }) => ({ name, base, slots, context_length })) };
}

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { type LiveSettings, modelSlug, newId } from "@llamero/core";
import {
  type Env,
  type LoadedHooks,
  loadHooks,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  setLogLevel,
  settingsFor,
} from "@llamero/process";
import { Carriers } from "@llamero/queue";
import { connectRedis, createStore, onStopRequest, requireServer, type WorkerBeat, watchSettings } from "@llamero/store";
import { announce } from "./announce.ts";
import { Engines } from "./engines.ts";
import { Heartbeat } from "./heartbeat.ts";
import { ModelPlacement } from "./model-placement.ts";
import { PlacedModel } from "./placed-model.ts";
import { type Serving, servedModels } from "./served-models.ts";

type Context = ProcessContext<Settings<"worker">>;
type Connections = Awaited<ReturnType<typeof openRedis>>;

/** Runs a worker until it is told to stop. */
export async function main(env: Env): Promise<void> {
  const engines = new Engines();
  await runProcess({
    name: "worker",
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
  const serving = await servedModels(context, engines, env);
  const { store, models, placement, heartbeat, announceAll } = assemble(context, connections, { ...serving, hooks });
  const onChange = ({ log_level }: LiveSettings) => setLogLevel(logger, log_level ?? config.LOG_LEVEL);
  await watchSettings({ store, subscriber: connections.hints, onChange, lifecycle, logger });
  await onStopRequest(connections.hints, store.keys, (jobId, reason) => placement.stop(jobId, reason));
  await heartbeat.start();
  await placement.fill();
  await announceAll();
  await heartbeat.beat();
  placement.start();
  const named = models.flatMap((model) => [model.facts, ...model.variants]);
  return { models: named.map(({ name, base, slots, context_length }) => ({ name, base, slots, context_length })) };
}

/** Puts the worker together; nothing runs yet. */
function assemble(
  { config, logger, lifecycle, fail }: Context,
  { redis, pulls }: Connections,
  serving: Serving & { hooks: LoadedHooks },
) {
  const { budgetBytes, hooks } = serving;
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  const workerId = newId("worker", { now: Date.now, randomBytes, cell: store.cell });
  const keptMs = config.LLAMERO_PREFIX_AWARE ? config.LLAMERO_SESSION_SECONDS * 1000 : null;
  const { afterFinish } = hooks;
  const models = serving.models.map(({ served, start }) => {
    return new PlacedModel({
      served,
      budgetBytes,
      server: { start, store, carriers, pulls, workerId, keptMs, afterFinish, logger, onFailure: fail },
      onChange: () => heartbeat.soon(),
      onRoom: () => placement.wake(),
    });
  });
  const announceAll = () =>
    announce(
      store,
      models.flatMap((model) => [model.facts, ...model.variants]),
      logger,
      Date.now(),
    );
  const onLoaded = () =>
    void announceAll().catch((error: unknown) => logger.warn({ err: error }, "could not renew the catalogue's entries"));
  const placement = new ModelPlacement({ models, budgetBytes, workerId, store, logger, onLoaded });
  lifecycle.defer("models", () => placement.close(config.LLAMERO_STOP_SECONDS * 1000));
  const identity = { workerId, host: hostname(), pid: process.pid };
  const heartbeat = new Heartbeat({ store, carriers, logger, read: () => ({ ...identity, ...told(models) }) });
  lifecycle.defer("heartbeat", () => heartbeat.stop());
  return { store, models, placement, heartbeat, announceAll };
}

/** What a heartbeat tells of the models. */
function told(models: readonly PlacedModel[]): Pick<WorkerBeat, "slots" | "models" | "variants"> {
  return {
    slots: models.flatMap(({ slug, slots }) => (slots === null ? [] : [{ slug, slots }])),
    models: models.map((model) => model.placement()),
    variants: models.flatMap(({ name, variants }) => variants.map((variant) => modelSlug(variant.name, name))),
  };
}

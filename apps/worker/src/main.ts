import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { type LiveSettings, modelSlug, newId } from "@llamero/core";
import { type EngineOptions, type Survey, surveyModels } from "@llamero/engine";
import {
  type Env,
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
import { engineOptions } from "./engine-options.ts";
import { Engines } from "./engines.ts";
import { Heartbeat } from "./heartbeat.ts";
import { ModelPlacement } from "./model-placement.ts";
import { PlacedModel } from "./placed-model.ts";

type Context = ProcessContext<Settings<"worker">>;
type Connections = Awaited<ReturnType<typeof openRedis>>;

/** Runs a worker until it is told to stop. */
export async function main(env: Env): Promise<void> {
  const engines = new Engines();
  await runProcess({
    name: "worker",
    configure: () => parseEnv(settingsFor("worker"), env),
    start: (context) => start(context, engines),
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

async function start(context: Context, engines: Engines): Promise<ReadyDetails> {
  const { config, logger, signal, lifecycle } = context;
  const connections = await openRedis(context);
  const options = await engineOptions(config, logger);
  const survey = await surveyModels({ ...options, signal });
  const { gpu, budgetBytes } = survey;
  logger.info({ gpu, budget_bytes: budgetBytes, models: survey.models.length }, "models surveyed");
  const { store, models, placement, heartbeat, announceAll } = assemble(context, connections, { engines, options, survey });
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

interface Surveyed {
  engines: Engines;
  options: EngineOptions;
  survey: Survey;
}

/** Puts the worker together; nothing runs yet. */
function assemble({ config, logger, lifecycle, fail }: Context, { redis, pulls }: Connections, surveyed: Surveyed) {
  const { engines, options, survey } = surveyed;
  const { budgetBytes } = survey;
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  const workerId = newId("worker", { now: Date.now, randomBytes, cell: store.cell });
  const keptMs = config.LLAMERO_PREFIX_AWARE ? config.LLAMERO_SESSION_SECONDS * 1000 : null;
  const models = survey.models.map((model) => {
    const start = engines.starter(model, options, logger);
    return new PlacedModel({
      surveyed: model,
      budgetBytes,
      server: { start, store, carriers, pulls, workerId, keptMs, logger, onFailure: fail },
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

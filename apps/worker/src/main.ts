import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { modelSlug, newId } from "@llamero/core";
import { parseModelSource, startEngine } from "@llamero/engine";
import {
  type Env,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  settingsFor,
} from "@llamero/process";
import { Carriers, Consumer } from "@llamero/queue";
import { connectRedis, createStore, onStopRequest, requireServer } from "@llamero/store";
import { announce } from "./announce.ts";
import { drain } from "./drain.ts";
import { EngineHost } from "./engine-host.ts";
import { logEngineEvents } from "./engine-log.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { JobRunner } from "./job-runner.ts";

/**
 * Carriers in hand beyond the slots, as a share of them: a freed slot starts its next job with the next step, instead of standing empty
 * until one has been pulled and claimed. On two cores, 100M parameters and 16 slots the whole path makes 0.97 of what the engine
 * alone makes, without it 0.88 (`npm run bench -- engine`).
 */
const IN_HAND_SHARE = 1 / 8;

type Context = ProcessContext<Settings<"worker">>;

/** Runs a worker until it is told to stop. */
export async function main(env: Env): Promise<void> {
  const engine: NewestEngine = { kill: () => {} };
  await runProcess({
    name: "worker",
    configure: () => parseEnv(settingsFor("worker"), env),
    start: (context) => start(context, engine),
    // A stopped engine does not notice that its worker is gone.
    kill: () => engine.kill(),
  });
}

/** What a forced exit needs of the engine. */
interface NewestEngine {
  kill: () => void;
}

async function openRedis({ config, lifecycle }: Context) {
  const open = async (name: string, role: "worker" | "blocking") => {
    const redis = await connectRedis(config.REDIS_URL, role);
    lifecycle.defer(name, () => redis.disconnect());
    return redis;
  };
  const redis = await open("redis", "worker");
  await requireServer(redis);
  return { redis, pulls: await open("redis pulls", "blocking"), hints: await open("redis hints", "blocking") };
}

async function openEngine({ config, logger, lifecycle }: Context, newest: NewestEngine): Promise<EngineHost> {
  const models = (await Promise.all(config.LLAMERO_MODELS.map(parseModelSource))).flat();
  const engine = await EngineHost.open({
    logger,
    start: async (onExit) => {
      const engine = await startEngine({
        models,
        gpu: config.LLAMERO_GPU === false ? "false" : config.LLAMERO_GPU,
        modelsDir: config.MODELS_DIR,
        ...(config.LLAMERO_SLOTS === undefined ? {} : { slots: config.LLAMERO_SLOTS }),
        ...(config.LLAMERO_CONTEXT === undefined ? {} : { contextSize: config.LLAMERO_CONTEXT }),
        ...(config.LLAMERO_THREADS === undefined ? {} : { threads: config.LLAMERO_THREADS }),
        ...(config.LLAMERO_PARALLEL_CONTEXTS === undefined ? {} : { contexts: config.LLAMERO_PARALLEL_CONTEXTS }),
        cacheDir: join(config.DATA_DIR, "engine"),
        onProgress: logEngineEvents(logger),
        onLog: (line) => logger.debug({ line }, "engine"),
        silentMs: config.LLAMERO_ENGINE_SILENT_SECONDS * 1000,
        stuckMs: config.LLAMERO_ENGINE_STUCK_SECONDS * 1000,
        onExit,
      });
      newest.kill = () => engine.kill();
      logger.info({ engine_pid: engine.pid }, "engine started");
      return engine;
    },
  });
  lifecycle.defer("engine", () => engine.close());
  return engine;
}

async function start(context: Context, newest: NewestEngine): Promise<ReadyDetails> {
  const { config, logger, lifecycle, fail } = context;
  const { redis, pulls, hints } = await openRedis(context);
  const engine = await openEngine(context, newest);
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  const workerId = newId("worker", { now: Date.now, randomBytes, cell: store.cell });
  const consumers: Consumer[] = [];
  const onIntake = (isOpen: boolean) => {
    for (const consumer of consumers) isOpen ? consumer.release() : consumer.hold();
  };
  const runner = new JobRunner({ store, carriers, engine, workerId, logger, onIntake });
  await onStopRequest(hints, store.keys, (jobId, reason) => runner.stop(jobId, reason));

  const models = await engine.models();
  await announce(store, models, logger, Date.now());
  for (const { name, slots } of models)
    consumers.push(
      new Consumer({
        connection: pulls,
        keys: store.keys,
        slug: modelSlug(name),
        concurrency: slots + Math.ceil(slots * IN_HAND_SHARE),
        handle: (carrier) => runner.handle(name, carrier),
        onError: (error) => logger.warn({ err: error, model: name }, "queue consumer"),
      }),
    );
  lifecycle.defer("consumers", () => drain(consumers, runner, config.LLAMERO_STOP_SECONDS * 1000));
  for (const consumer of consumers) consumer.start(fail);

  const slots = models.map((model) => ({ slug: modelSlug(model.name), slots: model.slots }));
  const heartbeat = await startHeartbeat({
    store,
    carriers,
    worker: { workerId, host: hostname(), pid: process.pid, slots },
    logger,
  });
  lifecycle.defer("heartbeat", () => heartbeat.stop());
  return { models: models.map(({ name, slots, context_length }) => ({ name, slots, context_length })) };
}

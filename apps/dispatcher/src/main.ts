import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setFlagsFromString } from "node:v8";
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
  startRedisProbe,
} from "@llamero/process";
import { Carriers, DeliveryCarriers, ScheduleTimers } from "@llamero/queue";
import { openStorage } from "@llamero/storage";
import { connectRedis, createOutbox, createStore, policiesOf, requireServer, watchSettings } from "@llamero/store";
import { startBatches } from "./batches/batches.ts";
import { startFileSweeper } from "./file-sweeper.ts";
import { openDeliveries } from "./open-deliveries.ts";
import { startOutboxLoop } from "./outbox-loop.ts";
import { startSchedules } from "./schedules/schedules.ts";
import { startSweeper } from "./sweeper.ts";
import { startWebhooks, type WebhooksOptions } from "./webhooks.ts";

const HOUR_MS = 3_600_000;
/**
 * The heap is collected when it has grown by this much since the last time, in percent. Left to itself, V8 lets the garbage of a batch's lines
 * grow to ten times what is in use: 30 MiB are, and the process goes up and down between 310 and 410; with this it stays at 290, and
 * takes 1,760 lines a second instead of 1,900 where workers answer at once.
 */
const HEAP_GROWTH_PERCENT = 50;

/** `plan`: what follows an attempt at a webhook. Default: the schedule of Standard Webhooks. */
export type DispatcherOptions = Pick<WebhooksOptions, "plan">;

/** Runs a dispatcher until it is told to stop. Several may run beside each other. */
export async function main(env: Env, options: DispatcherOptions = {}): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const configure = () => parseEnv(settingsFor("dispatcher"), env);
  await runProcess({ name: "dispatcher", role: "dispatcher", configure, start: (context) => start(context, options, env) });
}

async function start(
  context: ProcessContext<Settings<"dispatcher">>,
  options: DispatcherOptions,
  env: Env,
): Promise<ReadyDetails> {
  const { config, logger, lifecycle, metrics, tracing, fail } = context;
  const redis = await connectRedis(config.REDIS_URL, "worker");
  lifecycle.defer("redis", () => redis.disconnect());
  for (const warning of await requireServer(redis)) logger.warn(warning);
  const blocking = await connectRedis(config.REDIS_URL, "blocking");
  lifecycle.defer("redis outbox", () => blocking.disconnect());

  const defaults = { maxWaiting: config.LLAMERO_MAX_WAITING, reuseMode: config.LLAMERO_REUSE };
  const policies = policiesOf(() => settings.current, defaults);
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX, ...policies });
  const probe = startRedisProbe({ ...context, ping: store.ping });
  lifecycle.defer("redis probe", () => probe.stop());
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());

  const hints = await connectRedis(config.REDIS_URL, "blocking");
  lifecycle.defer("redis hints", () => hints.disconnect());
  const onChange = ({ log_level }: LiveSettings) => setLogLevel(logger, log_level ?? config.LOG_LEVEL);
  const settings = await watchSettings({ store, subscriber: hints, onChange, lifecycle, logger });

  const retentionMs = () => (settings.current.retention_hours ?? config.LLAMERO_RETENTION_HOURS) * HOUR_MS;
  const sweeper = startSweeper({ store, carriers, retentionMs, logger });
  lifecycle.defer("sweeper", () => sweeper.stop());

  const storage = await openStorage(config, env);
  lifecycle.defer("storage", () => storage.close());
  const fileSweeper = startFileSweeper({ store, storage, retentionMs, logger });
  lifecycle.defer("file sweeper", () => fileSweeper.stop());
  const hooks = await loadHooks(config, logger);
  const batches = startBatches({
    store,
    storage,
    carriers,
    settings,
    hooks,
    logger,
    maxLineBytes: config.LLAMERO_MAX_BODY_BYTES,
  });
  lifecycle.defer("batches", () => batches.stop());

  const deliveryCarriers = new DeliveryCarriers({ connection: redis, keys: store.keys });
  lifecycle.defer("delivery carriers", () => deliveryCarriers.close());
  const pulls = await connectRedis(config.REDIS_URL, "blocking");
  lifecycle.defer("redis deliveries", () => pulls.disconnect());
  const delivering = { config, store, carriers: deliveryCarriers, connection: pulls, metrics, tracing, logger, onStopped: fail };
  const webhooks = startWebhooks({ ...delivering, ...options });
  lifecycle.defer("webhooks", () => webhooks.stop());

  const timers = new ScheduleTimers({ connection: redis, keys: store.keys });
  lifecycle.defer("timers", () => timers.close());
  const due = await connectRedis(config.REDIS_URL, "blocking");
  lifecycle.defer("redis schedules", () => due.disconnect());
  const schedules = startSchedules({ store, carriers, timers, settings, hooks, connection: due, logger, onStopped: fail });
  lifecycle.defer("schedules", () => schedules.stop());

  const consumer = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const outbox = await startOutboxLoop({
    outbox: createOutbox(blocking, store.keys, consumer),
    deliver: (events) => {
      if (events.some(({ type }) => type === "batch.due")) batches.wake();
      return openDeliveries(store, deliveryCarriers, events);
    },
    logger,
  });
  lifecycle.defer("outbox", async () => {
    const stopped = outbox.stop();
    // Ends the blocking read, which would hold the stop up.
    blocking.disconnect();
    await stopped;
  });
  return {};
}

import { AppError, type LiveSettings } from "@llamero/core";
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
import { Carriers, ScheduleTimers } from "@llamero/queue";
import { openStorage } from "@llamero/storage";
import { connectRedis, createStore, Notifications, policiesOf, requireServer, watchSettings } from "@llamero/store";
import { AddressGuard, systemResolve } from "@llamero/webhooks";
import packageJson from "../package.json" with { type: "json" };
import { Auth, isLoopbackHost } from "./auth.ts";
import { exportDeployment } from "./deployment-metrics.ts";
import { openServers } from "./open-servers.ts";
import { RedisMemory } from "./redis-memory.ts";
import { createServices } from "./services.ts";
import { WebhookTargets } from "./webhook-targets.ts";

/** Runs an API process until it is told to stop. */
export async function main(env: Env): Promise<void> {
  const configure = () => parseEnv(settingsFor("api"), env);
  await runProcess({ name: "api", role: "api", configure, start: (context) => start(context, env) });
}

/** @throws AppError `config_invalid` */
function checkTimes({ LLAMERO_DRAIN_SECONDS: drain, LLAMERO_STOP_SECONDS: stop }: Settings<"api">): void {
  if (drain < stop) return;
  const text = `LLAMERO_DRAIN_SECONDS (${drain}) is a part of LLAMERO_STOP_SECONDS (${stop}), and has to be less.`;
  throw new AppError("config_invalid", text);
}

/** For what is remembered for a while: a clock that is set back must not make it last. */
const elapsedMs = () => performance.now();

async function checkExposure(auth: Auth, isLoopback: boolean, host: string): Promise<void> {
  if (isLoopback || (await auth.hasStoredKeys())) return;
  throw new AppError(
    "config_invalid",
    `HOST=${host} can be reached from other machines, and there is no API key. Make one with \`llamero keys create\`, or set LLAMERO_API_KEYS, or listen on 127.0.0.1.`,
  );
}

function targetsOf(config: Settings<"api">): WebhookTargets {
  return new WebhookTargets({
    guard: new AddressGuard({ allow: config.LLAMERO_WEBHOOK_ALLOW, ports: config.LLAMERO_WEBHOOK_PORTS }),
    allowHttp: config.LLAMERO_WEBHOOK_HTTP,
    hasSecret: config.LLAMERO_WEBHOOK_SECRET.length > 0,
    resolve: systemResolve,
    now: elapsedMs,
  });
}

async function start(context: ProcessContext<Settings<"api">>, env: Env): Promise<ReadyDetails> {
  const { config, logger, lifecycle, metrics, tracing, health } = context;
  checkTimes(config);
  const redis = await connectRedis(config.REDIS_URL, "commands");
  lifecycle.defer("redis", () => redis.disconnect());
  for (const warning of await requireServer(redis)) logger.warn(warning);
  const store = createStore({
    redis,
    prefix: config.LLAMERO_PREFIX,
    ...policiesOf(() => settings.current, { maxWaiting: config.LLAMERO_MAX_WAITING, reuseMode: config.LLAMERO_REUSE }),
    waitReplicas: config.LLAMERO_REDIS_WAIT_REPLICAS,
  });
  const probe = startRedisProbe({ ...context, ping: store.ping });
  lifecycle.defer("redis probe", () => probe.stop());
  const memory = new RedisMemory({ store, logger });
  lifecycle.defer("redis memory", () => memory.stop());
  await memory.start();

  const isLoopback = isLoopbackHost(config.HOST);
  const auth = new Auth({ fixedKeys: config.LLAMERO_API_KEYS, apiKeys: store.apiKeys, isLoopback, now: elapsedMs });
  if (config.LLAMERO_API_KEYS.length === 0) await checkExposure(auth, isLoopback, config.HOST);

  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  const timers = new ScheduleTimers({ connection: redis, keys: store.keys });
  lifecycle.defer("timers", () => timers.close());
  const subscriber = await connectRedis(config.REDIS_URL, "blocking");
  const notifications = new Notifications(subscriber, store.keys);
  lifecycle.defer("notifications", () => notifications.close());
  const onChange = ({ log_level }: LiveSettings) => setLogLevel(logger, log_level ?? config.LOG_LEVEL);
  const settings = await watchSettings({ store, subscriber, onChange, lifecycle, logger });

  const storage = await openStorage(config, env);
  lifecycle.defer("storage", () => storage.close());
  const limits = { maxBodyBytes: config.LLAMERO_MAX_BODY_BYTES, maxFileBytes: config.LLAMERO_MAX_FILE_BYTES };
  const webhookTargets = targetsOf(config);
  const { services, newRequestId } = createServices({
    store,
    carriers,
    timers,
    notifications,
    webhookTargets,
    memory,
    settings,
    storage,
    metrics,
    tracing,
    health,
    logger,
    elapsedMs,
    hooks: await loadHooks(config, logger),
    now: Date.now,
    maxFileBytes: limits.maxFileBytes,
    answerMs: Math.round(config.LLAMERO_ANSWER_SECONDS * 1_000),
  });
  exportDeployment(services);
  return openServers({
    ...{ services, auth, limits, newRequestId, lifecycle, version: packageJson.version },
    host: config.HOST,
    port: config.PORT,
    grpcPort: config.LLAMERO_GRPC_PORT,
    drainMs: config.LLAMERO_DRAIN_SECONDS * 1_000,
  });
}

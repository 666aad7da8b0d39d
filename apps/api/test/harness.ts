import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job, ModelEntry, ReuseMode } from "@llamero/core";
import { createLogger, Health, Metrics, noHooks, noTracing } from "@llamero/process";
import { ScheduleTimers } from "@llamero/queue";
import { openStorage } from "@llamero/storage";
import { connectRedis, createStore, Notifications, policiesOf, SettingsWatch, type Store } from "@llamero/store";
import { StandInWorker, startRedis, type TestRedis } from "@llamero/testkit";
import { AddressGuard } from "@llamero/webhooks";
import type { Hono } from "hono";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { createApp } from "../src/app.ts";
import { Auth, type AuthOptions } from "../src/auth.ts";
import { bodyLimitAt } from "../src/body-limit.ts";
import { listenGrpc } from "../src/grpc/listen-grpc.ts";
import { type Listening, listen } from "../src/listen.ts";
import { RedisMemory } from "../src/redis-memory.ts";
import type { Services } from "../src/route.ts";
import { routes } from "../src/routes/index.ts";
import { createServices } from "../src/services.ts";
import { WebhookTargets, type WebhookTargetsOptions } from "../src/webhook-targets.ts";

export const MAX_BODY_BYTES = 10_485_760;
/** Tokens of the model "tiny"; its longest token has `TOKEN_BYTES` bytes. */
export const CONTEXT = 1024;
export const TOKEN_BYTES = 16;

export interface ApiOptions {
  fixedKeys?: AuthOptions["fixedKeys"];
  isLoopback?: boolean;
  now?: () => number;
  carriers?: Services["carriers"];
  heartbeatMs?: number;
  maxWaiting?: number;
  /** Default: off, since most tests ask for the same thing over and over. */
  reuseMode?: ReuseMode;
  answerMs?: number;
  hooks?: Services["hooks"];
  /** The folder that files lie in. Default: one of its own. */
  folder?: string;
  maxFileBytes?: number;
  webhooks?: Partial<WebhookTargetsOptions>;
}

/** One API process's worth of objects, without the process. */
export interface Api {
  app: Hono;
  store: Store;
  notifications: Notifications;
  memory: RedisMemory;
  /** Log lines so far, as JSON. */
  logs: string[];
  listen(): Promise<Listening>;
  /** The same for gRPC. */
  listenGrpc(): Promise<Listening>;
  /** Asks the app as a client on this machine would. */
  request(path: string, init?: RequestInit & { headers?: Record<string, string> }): Promise<Response>;
  /** Sends JSON, gives the answer. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Submits a body that must be accepted. */
  submit(body?: object, headers?: Record<string, string>): Promise<Job>;
  /** Reads a job that must exist. */
  job(id: string, query?: string, headers?: Record<string, string>): Promise<Job>;
  /** Puts an object into the storage. */
  writeObject(name: string, content: string): Promise<void>;
  /** Takes the store's Redis away from this instance, as a network failure does. */
  disconnectRedis(): void;
  /** What was remembered of keys is too old to be trusted. */
  forgetKeys(): void;
  close(): Promise<void>;
}

/** Every host is a public one, but those whose name says that they are inside, and those that are nowhere. */
async function resolveInTest(hostname: string): Promise<string[]> {
  if (hostname.startsWith("nowhere.")) throw new Error("ENOTFOUND");
  return hostname.startsWith("inside.") ? ["93.184.216.34", "10.0.0.5"] : ["93.184.216.34"];
}

export const jsonType = { "content-type": "application/json" };

export async function openApi(url: string, worker: StandInWorker, options: ApiOptions = {}): Promise<Api> {
  const redis = await connectRedis(url, "commands");
  const defaults = { maxWaiting: options.maxWaiting ?? 1_000_000, reuseMode: options.reuseMode ?? "off" };
  const store = createStore({ redis, prefix: "test", ...policiesOf(() => settings.current, defaults) });
  const timers = new ScheduleTimers({ connection: redis, keys: store.keys });
  const subscriber = await connectRedis(url, "blocking");
  const notifications = new Notifications(subscriber, store.keys);
  const settings = new SettingsWatch({ store, subscriber, onError: () => {} });
  await settings.start();
  const { now = Date.now, fixedKeys = [], isLoopback = true, carriers = worker, heartbeatMs } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "llamero-api-")));
  const logs: string[] = [];
  const logger = createLogger({ name: "api", level: "debug", destination: { write: (line) => void logs.push(line) } });
  let elapsedMs = 0;
  const metrics = new Metrics("api", logger);
  const auth = new Auth({ fixedKeys, apiKeys: store.apiKeys, isLoopback, now: () => now() + elapsedMs });
  const memory = new RedisMemory({ store, logger });
  const webhookTargets = new WebhookTargets({
    guard: new AddressGuard(),
    allowHttp: false,
    hasSecret: true,
    resolve: resolveInTest,
    now,
    ...options.webhooks,
  });
  const { services, newRequestId } = createServices({
    ...{
      store,
      carriers,
      timers,
      notifications,
      webhookTargets,
      memory,
      settings,
      metrics,
      tracing: noTracing,
      health: new Health(),
      logger,
      now,
    },
    elapsedMs: now,
    storage: await openStorage({ DATA_DIR: folder }),
    maxFileBytes: options.maxFileBytes ?? MAX_BODY_BYTES,
    answerMs: options.answerMs ?? 10_000,
    hooks: options.hooks ?? noHooks,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  });
  const limits = { maxBodyBytes: MAX_BODY_BYTES, maxFileBytes: services.maxFileBytes };
  const bodyLimit = (target?: string) => bodyLimitAt(limits, routes, target);
  const app = createApp({ services, auth, limits, version: "1.2.3", newRequestId });
  const servers: Listening[] = [];
  const ask: Api["request"] = async (path, init = {}) =>
    app.request(path, { ...init, headers: { host: "localhost", ...init.headers } });
  const post: Api["post"] = (path, body, headers = {}) =>
    ask(path, {
      method: "POST",
      headers: { ...(body === undefined ? {} : jsonType), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return {
    app,
    store,
    notifications,
    logs,
    memory,
    request: ask,
    post,
    submit: async (body = { prompt: "hello" }, headers = {}) => {
      const response = await post("/v1/jobs", body, headers);
      expect([200, 202], await response.clone().text()).toContain(response.status);
      return (await response.json()) as Job;
    },
    job: async (id, query = "", headers = {}) => {
      const response = await ask(`/v1/jobs/${id}${query}`, { headers });
      expect(response.status, await response.clone().text()).toBe(200);
      return (await response.json()) as Job;
    },
    listen: async () => {
      const server = await listen(app, { host: "127.0.0.1", port: 0, bodyLimit, newRequestId, logger });
      servers.push(server);
      return server;
    },
    listenGrpc: async () => {
      const { maxBodyBytes } = limits;
      const server = await listenGrpc({ host: "127.0.0.1", port: 0, services, auth, maxBodyBytes, newRequestId });
      servers.push(server);
      return server;
    },
    writeObject: async (name, content) => {
      async function* source() {
        yield Buffer.from(content);
      }
      await services.storage.write(name, source());
    },
    disconnectRedis: () => redis.disconnect(),
    forgetKeys: () => {
      elapsedMs += 60_000;
    },
    close: async () => {
      settings.stop();
      await notifications.close();
      await Promise.all(servers.map((server) => server.close()));
      await timers.close();
      redis.disconnect();
      if (options.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}

/** Announces a model as a worker does. */
export async function announce(
  store: Store,
  name: string,
  over: Partial<Pick<ModelEntry, "is_default" | "capabilities" | "embedding_length" | "digest">> = {},
) {
  await store.announceModel({
    name,
    base: null,
    backend: null,
    context_length: CONTEXT,
    capabilities: ["chat", "completion", "embedding", "rerank"],
    embedding_length: 192,
    max_token_bytes: TOKEN_BYTES,
    parameters: 2_400_000,
    size_bytes: 2_500_000,
    architecture: "llama",
    quantization: "Q8_0",
    digest: "0".repeat(64),
    is_default: false,
    registered_at_ms: 1_700_000_000_000,
    ...over,
  });
}

export interface Harness extends Api {
  server: TestRedis;
  worker: StandInWorker;
  /** A further instance on the same Redis. */
  replica(options?: ApiOptions): Promise<Api>;
  reset(): Promise<void>;
  /** Lets as many jobs wait as may. */
  fill(): Promise<void>;
}

export async function openHarness(options: ApiOptions = {}): Promise<Harness> {
  const server = await startRedis();
  const admin = await connectRedis(server.url, "worker");
  const worker = new StandInWorker(createStore({ redis: admin, prefix: "test" }));
  const apis = [await openApi(server.url, worker, options)];
  const [first] = apis as [Api];
  return {
    ...first,
    server,
    worker,
    replica: async (other) => {
      const api = await openApi(server.url, worker, other ?? options);
      apis.push(api);
      return api;
    },
    reset: async () => {
      await worker.reset();
      await admin.flushall();
      for (const api of apis) api.forgetKeys();
      await announce(worker.store, "tiny", { is_default: true });
      await announce(worker.store, "embedder", { capabilities: ["embedding"] });
      await worker.open(4);
    },
    fill: async () => {
      await worker.open(0);
      for (let i = 0; i < (options.maxWaiting ?? 0); i++) await first.submit();
    },
    close: async () => {
      await Promise.all(apis.map((api) => api.close()));
      admin.disconnect();
      await server.close();
    },
  };
}

/** One API and Redis for a test file, emptied before each test; after each, nobody waits any more. */
export function useApi(options: ApiOptions = {}): Harness {
  const harness = {} as Harness;
  beforeAll(async () => {
    Object.assign(harness, await openHarness(options));
  });
  beforeEach(() => harness.reset());
  afterEach(() => {
    expect(harness.notifications.size).toBe(0);
  });
  afterAll(() => harness.close());
  return harness;
}

import { randomBytes } from "node:crypto";
import { type Delivery, newId, type WebhookEvent, webhookEvents } from "@llamero/core";
import { createLogger, Metrics, noTracing } from "@llamero/process";
import { DeliveryCarriers } from "@llamero/queue";
import { connectRedis, createOutbox, createStore, type NewJob, type Store } from "@llamero/store";
import { startRedis, type TestRedis } from "@llamero/testkit";
import { nextAttempt, WebhookSecret } from "@llamero/webhooks";
import { once } from "../src/once.ts";
import { openDeliveries } from "../src/open-deliveries.ts";
import { startOutboxLoop } from "../src/outbox-loop.ts";
import { startWebhooks, type WebhooksOptions } from "../src/webhooks.ts";

export const logger = createLogger({ name: "test", level: "silent" });
export const deploymentSecret = WebhookSecret.generate().reveal();
export const OWNER = "local";
const SLUG = "tiny";

/** The schedule of Standard Webhooks at a thousand times its speed: 5 ms, 0.3 s, 1.8 s, … */
const fastPlan: NonNullable<WebhooksOptions["plan"]> = (made) => {
  const following = nextAttempt(made);
  return following.next === "retry" ? { ...following, delayMs: following.delayMs / 1000 } : following;
};

export interface World extends AsyncDisposable {
  server: TestRedis;
  redis: Awaited<ReturnType<typeof connectRedis>>;
  store: Store;
  carriers: DeliveryCarriers;
  /** A dispatcher in this process, stopped at the end. */
  dispatch(options?: Partial<Dispatching>): Promise<{ stop(): Promise<void> }>;
  /** Stores a job and ends it as cancelled. */
  finishJob(over?: Partial<NewJob>): Promise<string>;
  /** Stores a job and does what a worker does with it: it succeeds with this text. */
  succeedJob(text: string, over?: Partial<NewJob>): Promise<string>;
  endpoint(url: string, over?: { owner?: string; secret?: string; events?: readonly WebhookEvent[] }): Promise<string>;
  /** Reads an owner's deliveries until they are as wanted; each read is a round trip, which paces the loop. */
  until(isSo: (deliveries: Delivery[]) => boolean, timeoutMs?: number): Promise<Delivery[]>;
}

export async function openWorld(): Promise<World> {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "worker");
  const store = createStore({ redis, prefix: "test" });
  const carriers = new DeliveryCarriers({ connection: redis, keys: store.keys });
  const owned: { stop(): Promise<void> }[] = [];

  const submit = async (over: Partial<NewJob>): Promise<string> => {
    const id = newId("job", { now: Date.now, randomBytes, cell: 0 });
    const request = { v: 1, type: "completion", prompt: "hello", params: { seed: 1 } } as const;
    const none = { runAtMs: null, deadlineMs: null, idempotency: null, metadata: null, retryOf: null };
    await store.accept({ id, owner: OWNER, slug: SLUG, request, ...none, ...over });
    return id;
  };
  const finishJob: World["finishJob"] = async (over = {}) => {
    const id = await submit(over);
    await store.cancel({ id, owner: over.owner ?? OWNER });
    return id;
  };
  const succeedJob: World["succeedJob"] = async (text, over = {}) => {
    // More than are under way at once, so that the window takes every job.
    await store.beat({ workerId: "w", host: "test", pid: process.pid, slots: [{ slug: SLUG, slots: 256 }] });
    const id = await submit(over);
    const claimed = await store.claim({ job_id: id, run: 1 }, "w");
    if (claimed.outcome !== "claimed") throw new Error(`the job was not claimed: ${claimed.outcome}`);
    await store.finish(claimed.claim, { status: "succeeded", result: { text, finish_reason: "stop" }, completionTokens: 1 });
    return id;
  };
  const until: World["until"] = async (isSo, timeoutMs = 15_000) => {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const { deliveries } = await store.webhooks.listDeliveries({ owner: OWNER, limit: 1_000 });
      if (isSo(deliveries)) return deliveries;
      if (performance.now() > end) throw new Error(`still ${JSON.stringify(deliveries)}`);
    }
  };
  const endpoint: World["endpoint"] = async (url, { owner = OWNER, secret = deploymentSecret, events = webhookEvents } = {}) => {
    const input = { owner, url, events, payload: "full", description: null, secret, limit: 10 } as const;
    const created = await store.webhooks.createEndpoint(input);
    if (created === null) throw new Error("there are as many endpoints as there may be");
    return created.id;
  };
  const dispatch: World["dispatch"] = async (options = {}) => {
    const dispatcher = await startDispatcher(server, store, carriers, {
      secrets: [deploymentSecret],
      plan: fastPlan,
      ...options,
    });
    owned.push(dispatcher);
    return dispatcher;
  };
  return {
    ...{ server, redis, store, carriers, dispatch, finishJob, succeedJob, endpoint, until },
    [Symbol.asyncDispose]: async () => {
      for (const dispatcher of owned) await dispatcher.stop();
      await carriers.close();
      redis.disconnect();
      await server.close();
    },
  };
}

interface Dispatching extends Required<Pick<WebhooksOptions, "plan">>, Pick<WebhooksOptions, "places"> {
  secrets: string[];
}

/** What `main` starts, without the process around it. */
async function startDispatcher(
  server: TestRedis,
  store: Store,
  carriers: DeliveryCarriers,
  { secrets, ...options }: Dispatching,
) {
  const blocking = await connectRedis(server.url, "blocking");
  const pulls = await connectRedis(server.url, "blocking");
  const config = {
    LLAMERO_WEBHOOK_SECRET: secrets,
    LLAMERO_WEBHOOK_ALLOW: ["127.0.0.1/32"],
    LLAMERO_WEBHOOK_HTTP: true,
    LLAMERO_WEBHOOK_PORTS: [443],
  };
  const onStopped = (error: unknown) => {
    throw error;
  };
  const metrics = new Metrics("dispatcher", logger);
  const webhooks = startWebhooks({
    config,
    store,
    carriers,
    connection: pulls,
    ...options,
    metrics,
    tracing: noTracing,
    logger,
    onStopped,
  });
  const outbox = await startOutboxLoop({
    outbox: createOutbox(blocking, store.keys, randomBytes(4).toString("hex")),
    deliver: (events) => openDeliveries(store, carriers, events),
    logger,
  });
  return {
    stop: once(async () => {
      const stopped = outbox.stop();
      blocking.disconnect();
      await stopped;
      await webhooks.stop();
      pulls.disconnect();
    }),
  };
}

/** The webhook of a job, to a URL. */
export function hook(url: string, over: Partial<NonNullable<NewJob["webhook"]>> = {}): Partial<NewJob> {
  return { webhook: { url, secret: null, events: ["job.cancelled"], payload: "full", ...over } };
}

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import {
  type Env,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  settingsFor,
} from "@llamero/process";
import { Carriers } from "@llamero/queue";
import { connectRedis, createOutbox, createStore, requireServer } from "@llamero/store";
import { startOutboxLoop } from "./outbox-loop.ts";
import { startSweeper } from "./sweeper.ts";

const HOUR_MS = 3_600_000;

/** Runs a dispatcher until it is told to stop. Several may run beside each other. */
export async function main(env: Env): Promise<void> {
  await runProcess({ name: "dispatcher", configure: () => parseEnv(settingsFor("dispatcher"), env), start });
}

async function start({ config, logger, lifecycle }: ProcessContext<Settings<"dispatcher">>): Promise<ReadyDetails> {
  const redis = await connectRedis(config.REDIS_URL, "worker");
  lifecycle.defer("redis", () => redis.disconnect());
  await requireServer(redis);
  const blocking = await connectRedis(config.REDIS_URL, "blocking");
  lifecycle.defer("redis outbox", () => blocking.disconnect());

  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());

  const sweeper = startSweeper({ store, carriers, retentionMs: config.LLAMERO_RETENTION_HOURS * HOUR_MS, logger });
  lifecycle.defer("sweeper", () => sweeper.stop());

  const consumer = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const outbox = await startOutboxLoop({
    outbox: createOutbox(blocking, store.keys, consumer),
    // Nobody can subscribe to events yet; the log is the only reader.
    deliver: async (events) => {
      for (const event of events) logger.debug({ job_id: event.jobId, event: event.type }, "event");
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

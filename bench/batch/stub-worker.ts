import { modelSlug } from "@llamero/core";
import { type BaseConfig, type ProcessContext, parseEnv, type ReadyDetails, runProcess, settingsFor } from "@llamero/process";
import { Carriers, Consumer, lanes } from "@llamero/queue";
import { BEAT_INTERVAL_MS, connectRedis, createStore, type FedJob } from "@llamero/store";
import { tinyEntry } from "@llamero/testkit";

/** Jobs that it runs at a time; each takes no longer than Redis does. */
const SLOTS = 64;
const usage = { prompt_tokens: 8, cached_tokens: 0, completion_tokens: 1, total_tokens: 9 };
const timings = { queue_ms: 1, prefill_ms: 1, first_token_ms: 1, generate_ms: 1 };
const result = { text: "yes", finish_reason: "stop" as const, usage, timings };

/** A worker with everything but a model: it answers each job at once. What is left is the way of a job. */
async function start(context: ProcessContext<BaseConfig & { REDIS_URL: string; LLAMERO_PREFIX: string }>): Promise<ReadyDetails> {
  const { config, logger, lifecycle, fail } = context;
  const redis = await connectRedis(config.REDIS_URL, "worker");
  lifecycle.defer("redis", () => redis.disconnect());
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  await store.announceModel(tinyEntry);
  const slug = modelSlug(tinyEntry.name);
  const workerId = `stub-${process.pid}`;
  const add = (fed: readonly FedJob[]) => carriers.add(fed).catch((error: unknown) => logger.warn({ err: error }, "not added"));
  for (const lane of lanes) {
    const connection = await connectRedis(config.REDIS_URL, "blocking");
    lifecycle.defer(`redis ${lane}`, () => connection.disconnect());
    const consumer = new Consumer({
      ...{ connection, keys: store.keys, slug, lane, concurrency: SLOTS },
      handle: async (carrier) => {
        const claimed = await store.claim(carrier, workerId);
        if (claimed.outcome === "left") return { leftForMs: 1 };
        if (claimed.outcome !== "claimed") {
          await add(claimed.fed);
          return "done";
        }
        const finished = await store.finish(claimed.claim, { status: "succeeded", result, completionTokens: 1 });
        if (finished.outcome === "finished") await add(finished.fed);
        return "done";
      },
      onLockLost: () => {},
      onError: (error) => logger.warn({ err: error }, "consumer"),
    });
    consumer.start(fail);
    lifecycle.defer(`consumer ${lane}`, () => consumer.close());
  }
  const beat = async () => add(await store.beat({ workerId, host: "stub", pid: process.pid, slots: [{ slug, slots: SLOTS }] }));
  await beat();
  const beating = setInterval(
    () => void beat().catch((error: unknown) => logger.warn({ err: error }, "no beat")),
    BEAT_INTERVAL_MS,
  );
  lifecycle.defer("beats", () => clearInterval(beating));
  return {};
}

await runProcess({ name: "worker", configure: () => parseEnv(settingsFor("worker"), process.env), start });

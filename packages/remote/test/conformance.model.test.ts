import type { Runtime } from "@llamero/core";
import {
  checkClosing,
  type LlameroProcess,
  runtimeConformance,
  startLlamero,
  startRedis,
  type TestRedis,
} from "@llamero/testkit";
import { afterAll, beforeAll, test } from "vitest";
import { openRemoteModel, parseRemoteSource } from "../src/index.ts";

/** A server that speaks OpenAI's language and has the bundled model: Llamero itself. */
let server: { redis: TestRedis; api: LlameroProcess; worker: LlameroProcess };
let runtime: Runtime;

async function connected(slots: number): Promise<Runtime> {
  const does = ["chat", "completion", "embedding"].map((each) => `does=${each}`).join("&");
  const spec = `far=${server.api.ready.url}/v1?model=tiny&slots=${slots}&${does}`;
  return (await openRemoteModel(parseRemoteSource(spec), {})).start();
}

beforeAll(async () => {
  const redis = await startRedis();
  const env = {
    REDIS_URL: redis.url,
    LOG_LEVEL: "warn",
    PORT: "0",
    LLAMERO_GPU: "false",
    LLAMERO_SLOTS: "4",
    LLAMERO_THREADS: "1",
  };
  const worker = await startLlamero("worker", { ...env, LLAMERO_PARALLEL_CONTEXTS: "1" });
  server = { redis, worker, api: await startLlamero("api", env) };
  runtime = await connected(2);
});

afterAll(async () => {
  await runtime?.close();
  await Promise.all([server.api.kill(), server.worker.kill()]);
  await server.redis.close();
});

test.each(Object.entries(runtimeConformance))("%s", (_name, check) => check({ runtime, model: "far" }));

test("closing rejects what runs, and what comes", async () => checkClosing({ runtime: await connected(2), model: "far" }));

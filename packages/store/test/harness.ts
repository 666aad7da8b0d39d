import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import { startRedis, type TestRedis } from "@llamero/testkit";
import type { Redis } from "ioredis";
import { connectRedis, createStore, type NewJob, type Store } from "../src/index.ts";

export interface StoreHarness {
  store: Store;
  redis: Redis;
  server: TestRedis;
  slug: string;
  close(): Promise<void>;
}

/** A store on a Redis of its own, with one model announced as `tiny`. */
export async function openStore(): Promise<StoreHarness> {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  const store = createStore({ redis, prefix: "test" });
  await store.announceModel({
    name: "tiny",
    context_length: 1024,
    capabilities: ["chat", "completion", "embedding"],
    embedding_length: 192,
    max_token_bytes: 16,
    parameters: 2_400_000,
    size_bytes: 2_500_000,
    architecture: "llama",
    quantization: "Q8_0",
    digest: "0".repeat(64),
    is_default: true,
    registered_at_ms: 1,
  });
  const close = async () => {
    redis.disconnect();
    await server.close();
  };
  return { store, redis, server, slug: "tiny", close };
}

export function sampleJob(harness: StoreHarness, over: Partial<NewJob> = {}): NewJob {
  return {
    id: newId("job", { now: Date.now, randomBytes, cell: 0 }),
    owner: "local",
    slug: harness.slug,
    request: { v: 1, type: "chat", messages: [{ role: "user", content: "hello" }], params: { seed: 1 } },
    runAtMs: null,
    deadlineMs: null,
    idempotency: null,
    metadata: null,
    retryOf: null,
    ...over,
  };
}

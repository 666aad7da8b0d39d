import { startRedis, type TestRedis } from "@llamero/testkit";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectRedis, requireServer } from "../src/index.ts";

let server: TestRedis;
let redis: Redis;
beforeEach(async () => {
  server = await startRedis();
  redis = await connectRedis(server.url, "commands");
});
afterEach(async () => {
  redis.disconnect();
  await server.close();
});

test("takes a server as it comes", async () => {
  expect(await requireServer(redis)).toEqual([]);
});

test("refuses a server that would evict jobs, and says the command that mends it", async () => {
  await redis.config("SET", "maxmemory", "100mb");
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  await expect(requireServer(redis)).rejects.toMatchObject({
    code: "config_invalid",
    message: /CONFIG SET maxmemory-policy noeviction/,
  });
});

test("warns of a server that keeps no append-only file, and says the command that mends it", async () => {
  await redis.config("SET", "appendonly", "no");
  expect(await requireServer(redis)).toEqual([expect.stringContaining("CONFIG SET appendonly yes")]);
});

test("refuses a server that is too old", async () => {
  const old = { info: async () => "# Server\r\nredis_version:6.2.14\r\n" } as Pick<Redis, "info"> as Redis;
  await expect(requireServer(old)).rejects.toMatchObject({ code: "config_invalid", message: /6\.2\.14 is too old/ });
});

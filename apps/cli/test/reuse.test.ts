import { connectRedis, createStore, modelMark } from "@llamero/store";
import { startRedis, type TestRedis, tinyEntry } from "@llamero/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { llamero } from "./command-line.ts";

let server: TestRedis;
beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  process.exitCode = 0;
  await server.close();
});

test("shows what is kept and how often it was of use, and forgets it", async () => {
  const redis = await connectRedis(server.url, "commands");
  const store = createStore({ redis, prefix: "llamero" });
  await store.announceModel(tinyEntry);
  const of = { slug: "tiny", mark: modelMark(tinyEntry), owner: "local" };
  await store.reuse.keepVectors(of, new Map([["a", { vector: [1, 0], tokens: 2 }]]));
  await store.reuse.findVectors(of, ["a", "b"]);
  redis.disconnect();
  expect((await llamero(server.url, "settings", "set", "reuse.ttl_seconds=60", "reuse.mode=asked")).out).toMatch(
    / {2}reuse\.mode=asked\n {2}reuse\.ttl_seconds=60\n$/,
  );
  const { out } = await llamero(server.url, "reuse", "show");
  expect(out).toMatch(
    /^model +hit rate +hits .*\ntiny +- +0 +0 +0 +2 +1 +1 +\d+ +0\n1 answers in \d+ of 67108864 bytes, kept for 60 s\n$/,
  );
  expect((await llamero(server.url, "reuse", "forget")).err).toBe("1 answers are forgotten.\n");
  expect((await llamero(server.url, "reuse", "show")).out).toContain("0 answers in 0 of");
});

import { startRedis, TcpProxy } from "@llamero/testkit";
import { expect, test } from "vitest";
import { connectRedis, createStore, shownUrl } from "../src/index.ts";
import { sampleJob, until } from "./harness.ts";

test("refuses an address where nothing answers, without its password", async () => {
  const error: unknown = await connectRedis("redis://user:hunter2@127.0.0.1:1", "commands").catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "redis_unavailable" });
  expect(String(error)).toContain("127.0.0.1:1");
  expect(String(error)).not.toContain("hunter2");
  await expect(connectRedis("unix:///nonexistent/redis.sock", "blocking")).rejects.toMatchObject({ code: "redis_unavailable" });
});

test.each([
  ["redis://:secret@host:6379/1", "redis://host:6379/1"],
  ["rediss://user:secret@host", "rediss://host"],
  ["redis://host:6379", "redis://host:6379"],
  ["unix:///tmp/r.sock", "unix:///tmp/r.sock"],
])("shows %s as %s", (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});

test("a connection for commands fails fast while Redis is away, and works again by itself with all that was accepted", async () => {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  try {
    const store = createStore({ redis, prefix: "test" });
    const job = sampleJob({ slug: "tiny" });
    await store.accept(job);
    await redis.config("SET", "appendfsync", "always");
    await store.accept(sampleJob({ slug: "tiny" }));

    const underWay = Promise.allSettled(Array.from({ length: 50 }, () => store.accept(sampleJob({ slug: "tiny" }))));
    await server.kill();
    const startedAt = Date.now();
    for (const attempt of [() => store.ping(), () => store.accept(sampleJob({ slug: "tiny" })), () => store.getJob(job)])
      await expect(attempt()).rejects.toMatchObject({ code: "redis_unavailable", retryable: true });
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    for (const result of await underWay)
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "redis_unavailable" });

    await server.restart();
    await until(
      () =>
        store.ping().then(
          () => true,
          () => false,
        ),
      (isBack) => isBack,
    );
    expect(await store.getJob(job)).toMatchObject({ id: job.id, status: "queued" });
    expect((await store.accept(sampleJob({ slug: "tiny" }))).outcome).toBe("accepted");
  } finally {
    redis.disconnect();
    await server.close();
  }
});

test.each(["commands", "worker"] as const)(
  "a connection for %s that is forgotten on its way is given up, and the next one works",
  async (role) => {
    const server = await startRedis();
    const link = await TcpProxy.start(server.url);
    const redis = await connectRedis(`redis://127.0.0.1:${link.port}`, role);
    try {
      const store = createStore({ redis, prefix: "test" });
      await store.ping();
      link.strand();
      const job = sampleJob({ slug: "tiny" });
      const accepting = store.accept(job);
      if (role === "worker") expect(await accepting).toMatchObject({ outcome: "accepted" });
      else await expect(accepting).rejects.toMatchObject({ code: "redis_unavailable" });
      const isBack = () =>
        store.ping().then(
          () => true,
          () => false,
        );
      await until(isBack, (is) => is);
      expect(await store.getJob(job)).toEqual(role === "worker" ? expect.objectContaining({ id: job.id }) : null);
    } finally {
      redis.disconnect();
      await link[Symbol.asyncDispose]();
      await server.close();
    }
  },
);

test("a worker's connection waits for Redis to come back", async () => {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "worker");
  try {
    const store = createStore({ redis, prefix: "test" });
    await server.kill();
    const accepted = store.accept(sampleJob({ slug: "tiny" }));
    await server.restart();
    expect((await accepted).outcome).toBe("accepted");
  } finally {
    redis.disconnect();
    await server.close();
  }
});

test("a command that Redis does not answer counts as Redis being away", async () => {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  redis.options.commandTimeout = 50;
  try {
    server.process.kill("SIGSTOP");
    await expect(createStore({ redis, prefix: "test" }).ping()).rejects.toMatchObject({ code: "redis_unavailable" });
  } finally {
    server.process.kill("SIGCONT");
    redis.disconnect();
    await server.close();
  }
});

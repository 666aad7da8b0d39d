import { freePort, type RedisCluster, startRedis, startRedisCluster } from "@llamero/testkit";
import { expect, test } from "vitest";
import { connectRedis, createStore, Notifications, requireServer } from "../src/index.ts";
import { announce, done, openSlots, type StoreHarness, sampleJob, start, until } from "./harness.ts";
import { brokenInvariants } from "./invariants.ts";

interface World extends StoreHarness {
  cluster: RedisCluster;
  /** Answers fast that Redis is away, where the harness's own waits. */
  hasty: StoreHarness["store"];
  notifications: Notifications;
}

/** A model for which nothing waits. */
const IDLE = "idle";

/** A store on a cluster, over one connection of each kind. */
async function inCluster(run: (world: World) => Promise<void>): Promise<void> {
  const cluster = await startRedisCluster();
  const [redis, commands, blocking] = [
    await connectRedis(cluster.url, "worker"),
    await connectRedis(cluster.url, "commands"),
    await connectRedis(cluster.url, "blocking"),
  ];
  const close = async () => {
    for (const connection of [redis, commands, blocking]) connection.disconnect();
    await cluster.close();
  };
  const store = createStore({ redis, prefix: "test" });
  const hasty = createStore({ redis: commands, prefix: "test", waitReplicas: 1 });
  const notifications = new Notifications(blocking, store.keys);
  try {
    const world = { store, hasty, redis, notifications, cluster, server: cluster.primary, slug: "tiny", close };
    await announce(store, "tiny");
    await announce(store, IDLE);
    await openSlots(world, 4, "w1", { slug: IDLE });
    await run(world);
  } finally {
    await close();
  }
}

/** Runs a job through while somebody waits for its end, and says how long it took them to hear of it, in milliseconds. */
async function runThrough(world: World): Promise<number> {
  const { store, notifications } = world;
  const job = await start(world, { slug: IDLE });
  const read = () => store.getJob(job);
  const ended = notifications.until(job.id, { read, done: (view) => view?.status === "succeeded", waitMs: 10_000 });
  await store.append(job.claim, 1, { tokens: [1], text: "yes" });
  await store.finish(job.claim, done);
  const finishedAt = performance.now();
  expect(await ended).toMatchObject({ status: "succeeded", output: { text: "yes" } });
  return performance.now() - finishedAt;
}

test("the master steps back, and then the slot moves to another one, while jobs come: every one is taken, once", () =>
  inCluster(async (world) => {
    const { store, hasty, cluster, redis } = world;
    expect(await requireServer(redis)).toEqual([]);
    await runThrough(world);
    for (const move of [cluster.failOver, cluster.migrate]) {
      const jobs = Array.from({ length: 200 }, () => sampleJob(world));
      let hasMoved = false;
      const moving = move().then(() => {
        hasMoved = true;
      });
      for (const job of jobs) {
        expect(["accepted", "duplicate"]).toContain((await store.accept(job)).outcome);
        // The API's own kind of connection is told to try again, and nothing else.
        if (!hasMoved) await hasty.ping().catch((error) => expect(error).toMatchObject({ code: "redis_unavailable" }));
      }
      await moving;
      for (const job of jobs) expect(await store.getJob(job)).toMatchObject({ status: "queued" });
      expect(await runThrough(world)).toBeLessThan(1_000);
    }
    await until(
      () =>
        hasty.ping().then(
          () => true,
          () => false,
        ),
      (isBack) => isBack,
    );
    expect(await brokenInvariants(redis, store.keys)).toEqual([]);
  }));

const losses: Record<string, (primary: RedisCluster["primary"]) => Promise<unknown>> = {
  "is killed": (primary) => primary.kill(),
  // It closes no connection, as a machine that has lost its power does not.
  hangs: async (primary) => primary.process.kill("SIGSTOP"),
};

test.each(Object.entries(losses))(
  "the master %s: what its replica has confirmed is there, and every kind of connection finds the replica",
  (_name, lose) =>
    inCluster(async (world) => {
      const { store, hasty, cluster, redis } = world;
      const jobs = Array.from({ length: 100 }, () => sampleJob(world));
      for (const result of await Promise.all(jobs.map((job) => hasty.accept(job)))) expect(result.outcome).toBe("accepted");
      await lose(cluster.primary);
      await expect(hasty.accept(sampleJob(world))).rejects.toMatchObject({ code: "redis_unavailable", retryable: true });
      // A worker's call waits for whoever comes next.
      expect(await store.getJob(jobs[0] ?? sampleJob(world))).toMatchObject({ status: "queued" });
      await until(
        () =>
          hasty.now().then(
            () => true,
            () => false,
          ),
        (isBack) => isBack,
      );
      for (const job of jobs) expect(await hasty.getJob(job)).toMatchObject({ id: job.id, status: "queued" });
      expect(await runThrough(world)).toBeLessThan(5_000);
      expect(await brokenInvariants(redis, store.keys)).toEqual([]);
    }),
);

test("an address that cannot work is refused, and the message says why", async () => {
  const [port, lonePort] = [await freePort(), await freePort()];
  const own = (free: number) => ["--port", String(free), "--bind", "127.0.0.1"];
  const alone = await startRedis(own(lonePort));
  const node = await startRedis([...own(port), "--cluster-enabled", "yes", "--cluster-port", String(await freePort())]);
  const connected = await connectRedis(`redis://127.0.0.1:${port}`, "commands");
  try {
    const refusal = (url: string) => connectRedis(url, "worker").catch((error: unknown) => error);
    expect(await refusal("cluster://me:hunter2@127.0.0.1:1")).toMatchObject({
      code: "redis_unavailable",
      message: expect.stringMatching(/^Redis at cluster:\/\/127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/),
    });
    expect(await refusal(`cluster://127.0.0.1:${lonePort}`)).toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("cluster support disabled"),
    });
    expect(await refusal(`cluster://127.0.0.1:${port}`)).toMatchObject({
      code: "redis_unavailable",
      message: expect.stringContaining("No node of the Redis Cluster has slot 10282"),
    });
    await expect(requireServer(connected)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("must begin with cluster://"),
    });
    await connected.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    const found = await connectRedis(`cluster://127.0.0.1:1,127.0.0.1:${port}`, "commands");
    expect(await requireServer(found).finally(() => found.disconnect())).toEqual([]);
  } finally {
    connected.disconnect();
    await Promise.all([alone.close(), node.close()]);
  }
});

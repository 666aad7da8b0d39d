import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import { createLogger } from "@llamero/process";
import { Carriers } from "@llamero/queue";
import { connectRedis, createOutbox, createStore, type NewJob, type OutboxEvent } from "@llamero/store";
import { startRedis } from "@llamero/testkit";
import { expect, test } from "vitest";
import { startOutboxLoop } from "../src/outbox-loop.ts";
import { startSweeper } from "../src/sweeper.ts";

const logger = createLogger({ name: "test", level: "silent" });
const SLUG = "tiny";

async function open() {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "worker");
  const store = createStore({ redis, prefix: "test" });
  const carriers = new Carriers({ connection: redis, store });
  const accept = async (over: Partial<NewJob> = {}) => {
    const id = newId("job", { now: Date.now, randomBytes, cell: 0 });
    const request = { v: 1, type: "completion", prompt: "hello", params: { seed: 1 } } as const;
    const none = { runAtMs: null, deadlineMs: null, idempotency: null, metadata: null, retryOf: null };
    await store.accept({ id, owner: "local", slug: SLUG, request, ...none, ...over });
    return id;
  };
  /** Reads until the job is as wanted; each read is a round trip, which paces the loop. */
  const until = async (id: string, isSo: (status: string | null) => boolean) => {
    const end = performance.now() + 10_000;
    for (;;) {
      const job = await store.getJob({ id, owner: "local" });
      if (isSo(job?.status ?? null)) return job;
      if (performance.now() > end) throw new Error(`the job is still ${job?.status}`);
    }
  };
  const close = async () => {
    await carriers.close();
    redis.disconnect();
    await server.close();
  };
  return { server, redis, store, carriers, accept, until, [Symbol.asyncDispose]: close };
}

test("the sweeper makes scheduled jobs due, expires late ones and removes old ones, with nobody's call", async () => {
  await using world = await open();
  const { store, carriers, accept, until } = world;
  const scheduled = await accept({ runAtMs: Date.now() + 300 });
  const late = await accept({ deadlineMs: 100 });
  const sweeper = startSweeper({ store, carriers, retentionMs: () => 200, logger });
  await until(scheduled, (status) => status === "queued");
  expect(await until(late, (status) => status === "expired" || status === null)).not.toBeUndefined();
  await until(late, (status) => status === null);
  await sweeper.stop();
});

test("the sweeper goes on after Redis has been away", async () => {
  await using world = await open();
  const { store, carriers, accept, until, server } = world;
  const sweeper = startSweeper({ store, carriers, retentionMs: () => 60_000, logger });
  const scheduled = await accept({ runAtMs: Date.now() + 500 });
  await server.restart();
  await until(scheduled, (status) => status === "queued");
  await sweeper.stop();
});

test("every event is delivered, acknowledged only afterwards, and comes again when its delivery failed", async () => {
  await using world = await open();
  const { server, store, accept } = world;
  const blocking = await connectRedis(server.url, "blocking");
  const outbox = createOutbox(blocking, store.keys, "one");
  const id = await accept();
  const other = await accept();
  await store.cancel({ id, owner: "local" });

  const seen: OutboxEvent[] = [];
  const firstFailed = Promise.withResolvers<void>();
  const loop = await startOutboxLoop({
    outbox,
    logger,
    deliver: async (events) => {
      if (seen.length === 0) {
        seen.push(...events);
        firstFailed.resolve();
        throw new Error("receiver is away");
      }
    },
  });
  await firstFailed.promise;
  expect(seen).toMatchObject([{ type: "job.cancelled", jobId: id, owner: "local" }]);
  const stopped = loop.stop();
  blocking.disconnect();
  await stopped;

  // Another dispatcher takes over what the first one never acknowledged, then goes on with what is new.
  await store.cancel({ id: other, owner: "local" });
  const heir = await connectRedis(server.url, "blocking");
  const inherited = createOutbox(heir, store.keys, "two");
  const adopted = await inherited.adopt(10, 0);
  expect(adopted.map((event) => event.jobId)).toEqual([id]);
  await inherited.acknowledge(adopted.map((event) => event.id));
  expect((await inherited.read(10, 100)).map((event) => event.jobId)).toEqual([other]);
  heir.disconnect();
});

test("an event whose delivery failed comes again soon, to the same dispatcher, beside new ones", async () => {
  await using world = await open();
  const { server, store, accept } = world;
  const blocking = await connectRedis(server.url, "blocking");
  const id = await accept();
  await store.cancel({ id, owner: "local" });
  const seen: string[][] = [];
  const enough = Promise.withResolvers<void>();
  const loop = await startOutboxLoop({
    outbox: createOutbox(blocking, store.keys, "one"),
    logger,
    deliver: async (events) => {
      seen.push(events.map(({ jobId }) => jobId));
      if (seen.length < 3) throw new Error("Redis is away");
      enough.resolve();
    },
  });
  const startedAt = performance.now();
  await enough.promise;
  expect(seen).toEqual([[id], [id], [id]]);
  // Another's events are taken over after 30 s; its own do not wait for that.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  const stopped = loop.stop();
  blocking.disconnect();
  await stopped;
});

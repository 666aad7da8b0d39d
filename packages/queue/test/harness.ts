import { randomBytes } from "node:crypto";
import { newId } from "@llamero/core";
import { connectRedis, createStore, type Store } from "@llamero/store";
import { startRedis, type TestRedis } from "@llamero/testkit";
import { Carriers, Consumer, type ConsumerOptions } from "../src/index.ts";

export interface QueueHarness extends AsyncDisposable {
  server: TestRedis;
  store: Store;
  carriers: Carriers;
  /** Stores a job; with a worker's slots announced it is fed, and its carrier added unless `withCarrier` is false. */
  submit(withCarrier?: boolean, session?: string): Promise<string>;
  consume(
    handle: ConsumerOptions["handle"],
    onError?: (error: Error) => void,
    onLockLost?: ConsumerOptions["onLockLost"],
  ): Promise<Consumer>;
}

export const SLUG = "tiny";

/** Queue and store on a Redis of their own, with one worker of two slots announced. */
export async function openQueue(extra: readonly string[] = []): Promise<QueueHarness> {
  const server = await startRedis(extra);
  const redis = await connectRedis(server.url, "worker");
  const pulls = await connectRedis(server.url, "blocking");
  const store = createStore({ redis, prefix: "test" });
  const carriers = new Carriers({ connection: redis, store });
  const consumers: Consumer[] = [];
  await store.beat({ workerId: "wrk_test", host: "here", pid: 1, slots: [{ slug: SLUG, slots: 2 }] });
  return {
    server,
    store,
    carriers,
    submit: async (withCarrier = true, session_id) => {
      const id = newId("job", { now: Date.now, randomBytes, cell: 0 });
      const of = session_id === undefined ? {} : { session_id };
      const request = { v: 1, type: "completion", prompt: "hello", params: { seed: 1 }, ...of } as const;
      const times = { runAtMs: null, deadlineMs: null };
      const result = await store.accept({
        id,
        owner: "local",
        slug: SLUG,
        request,
        ...times,
        idempotency: null,
        metadata: null,
        retryOf: null,
      });
      if (withCarrier && result.outcome === "accepted") await carriers.add(result.fed);
      return id;
    },
    consume: async (handle, onError = () => {}, onLockLost = () => {}) => {
      const consumer = new Consumer({
        connection: pulls,
        keys: store.keys,
        slug: SLUG,
        lane: "steady",
        concurrency: 2,
        handle,
        onLockLost,
        onError,
      });
      consumers.push(consumer);
      consumer.start(onError as (error: unknown) => void);
      return consumer;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await carriers.close();
      redis.disconnect();
      pulls.disconnect();
      await server.close();
    },
  };
}

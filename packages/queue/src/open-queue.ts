import { redisError } from "@llamero/store";
import { type ConnectionOptions, Queue } from "bullmq";

/** BullMQ writes an event per state change; nobody reads them, so few are kept. */
const EVENTS_KEPT = 100;

export interface QueuePlace {
  /** A connection of the role `commands` or `worker`; it stays the caller's. */
  connection: ConnectionOptions;
  /** `keys.queues` of the store. */
  prefix: string;
}

/** The producer's end of one BullMQ queue. */
export function openQueue(name: string, { connection, prefix }: QueuePlace): Queue {
  const queue = new Queue(name, {
    connection,
    prefix,
    skipWaitingForReady: true,
    skipVersionCheck: true,
    streams: { events: { maxLen: EVENTS_KEPT } },
  });
  // Each call reports its own failure; without a listener the emitter would end the process.
  queue.on("error", () => {});
  return queue;
}

/** What BullMQ says of Redis, said as the store says it. @throws AppError `redis_unavailable` */
export async function asRedis<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw redisError(error);
  }
}

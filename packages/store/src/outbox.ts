import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { DueDelivery } from "./webhooks/due-delivery.ts";

/** Something that happened to a job or a batch, or that is to be done for one, written in the same step as the change itself. */
export interface OutboxEvent {
  /** Position in the outbox; stays the same when the event is handed out again. */
  id: string;
  type: string;
  /** '' where it tells of no job. */
  jobId: string;
  /** '' where it tells of no batch. */
  batchId: string;
  owner: string;
  /** With `delivery.due`, which tells of no job. */
  due: DueDelivery | null;
}

const GROUP = "dispatchers";
/** How much later than the end of its wait a reading may be answered, in milliseconds; then its connection counts as dead. */
const OVERDUE_MS = 5_000;

type StreamEntries = [id: string, fields: string[] | null][];

function parse(entries: StreamEntries): OutboxEvent[] {
  return entries.map(([id, list]) => {
    const fields = new Map<string, string>();
    for (let i = 0; list !== null && i + 1 < list.length; i += 2) fields.set(list[i] ?? "", list[i + 1] ?? "");
    const deliveryId = fields.get("delivery_id");
    const due = deliveryId === undefined ? null : { deliveryId, round: Number(fields.get("round")), delayMs: 0 };
    const text = (name: string) => fields.get(name) ?? "";
    return { id, type: text("type"), jobId: text("job_id"), batchId: text("batch_id"), owner: text("owner"), due };
  });
}

/**
 * The dispatchers' end of the outbox, a consumer group: each event goes to one of them and stays until it is acknowledged.
 * Needs a connection of its own, since reading blocks.
 */
export function createOutbox(redis: Redis, keys: Keys, consumer: string) {
  /** Makes the group; events from before it count. Legal to call again. */
  const open = (): Promise<void> =>
    guarded(async () => {
      await redis.xgroup("CREATE", keys.outbox, GROUP, "0", "MKSTREAM").catch((error: unknown) => {
        if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
      });
    });
  /** Runs a group command; when Redis has lost the group with its last writes, makes it again and answers null. */
  const inGroup = (command: () => Promise<unknown>): Promise<unknown> =>
    guarded(async () => {
      try {
        return await command();
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOGROUP"))) throw error;
        await open();
        return null;
      }
    });

  const readGroup = async (command: () => Promise<unknown>): Promise<OutboxEvent[]> => {
    const streams = ((await inGroup(command)) ?? []) as [string, StreamEntries][];
    return parse(streams.flatMap(([, entries]) => entries));
  };
  const overdue = () => {
    redis.disconnect(true);
    return new AppError("redis_unavailable", "Redis does not answer; try again in a moment.");
  };

  return {
    open,
    /**
     * Waits up to `blockMs` for new events. A connection that is dead without knowing it is made anew.
     * @throws AppError `redis_unavailable`
     */
    read(count: number, blockMs: number): Promise<OutboxEvent[]> {
      const reading = readGroup(() =>
        redis.xreadgroup("GROUP", GROUP, consumer, "COUNT", count, "BLOCK", blockMs, "STREAMS", keys.outbox, ">"),
      );
      return within(blockMs + OVERDUE_MS, reading, overdue);
    },
    /** The events that this consumer was given and has not acknowledged: it failed with them, or their answer never came. */
    readAgain(count: number): Promise<OutboxEvent[]> {
      return readGroup(() => redis.xreadgroup("GROUP", GROUP, consumer, "COUNT", count, "STREAMS", keys.outbox, "0"));
    },
    /** Takes over events that another dispatcher has held for at least `idleMs` without acknowledging them. */
    async adopt(count: number, idleMs: number): Promise<OutboxEvent[]> {
      const reply = await inGroup(() => redis.xautoclaim(keys.outbox, GROUP, consumer, idleMs, "0", "COUNT", count));
      return reply === null ? [] : parse((reply as [string, StreamEntries])[1]);
    },
    /** Removes handled events. */
    async acknowledge(ids: readonly string[]): Promise<void> {
      if (ids.length === 0) return;
      await guarded(() =>
        redis
          .multi()
          .xack(keys.outbox, GROUP, ...ids)
          .xdel(keys.outbox, ...ids)
          .exec(),
      );
    },
  };
}
async function within<T>(ms: number, promise: Promise<T>, tooLate: () => Error): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooLate()), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export type Outbox = ReturnType<typeof createOutbox>;

import type { Logger } from "@llamero/process";
import type { Outbox, OutboxEvent } from "@llamero/store";
import { type Loop, startLoop } from "./repeat.ts";

const BATCH = 500;
/** One blocking read, in milliseconds: also the longest that a stop waits for this loop. */
const BLOCK_MS = 1_000;
/** Events that a dispatcher has held this long without acknowledging are another's to handle, in milliseconds. */
const ADOPT_AFTER_MS = 30_000;
/** After a failed pass, in milliseconds. */
const RETRY_MS = 500;

export interface OutboxLoopOptions {
  outbox: Outbox;
  /** Brings events to whoever asked for them; an event is acknowledged only after this resolves, so it may come again. */
  deliver: (events: readonly OutboxEvent[]) => Promise<void>;
  logger: Logger;
}

/** Reads the outbox for ever: events of dispatchers that died, new ones, and at last those that it failed with before. */
export async function startOutboxLoop({ outbox, deliver, logger }: OutboxLoopOptions): Promise<Loop> {
  await outbox.open();
  const handle = async (events: OutboxEvent[]) => {
    if (events.length === 0) return;
    await deliver(events);
    await outbox.acknowledge(events.map((event) => event.id));
  };
  return startLoop({
    pauseMs: 0,
    failurePauseMs: RETRY_MS,
    pass: async () => {
      await handle(await outbox.adopt(BATCH, ADOPT_AFTER_MS));
      await handle(await outbox.read(BATCH, BLOCK_MS));
      await handle(await outbox.readAgain(BATCH));
    },
    onError: (error) => logger.warn({ err: error, retry_ms: RETRY_MS }, "outbox pass failed; the next one follows"),
  });
}

import { BATCH_LEASE_MS, type BatchClaim } from "@llamero/store";
import { type Loop, startLoop } from "../repeat.ts";
import { advance, type Following } from "./advance.ts";
import { type BatchTools, type Held, InTheWay, LetGo, reasonOf } from "./held.ts";

/** Batches that a dispatcher moves on at a time. */
const AT_ONCE = 4;
/** How often batches are looked for that nobody was told of, in milliseconds. */
const LOOK_EVERY_MS = 500;
const RENEW_EVERY_MS = BATCH_LEASE_MS / 5;
/** After something was in the way, in milliseconds. */
const TRY_AGAIN_MS = 5_000;

const DEFECT = "Something went wrong on our side; the log has it. It is tried again.";

export interface Batches {
  /** Something is to be done for some batch. */
  wake(): void;
  /** Gives back what is in hand. Legal to call twice. */
  stop(): Promise<void>;
}

/** Moves batches on: reads their inputs, makes jobs of their lines, writes their files. Several dispatchers may do so beside each other. */
export function startBatches(tools: BatchTools): Batches {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const onError = (error: unknown) => tools.logger.warn({ err: error }, "batches not looked at; the next look follows");
  const loop: Loop = startLoop({
    pauseMs: LOOK_EVERY_MS,
    pass: async () => {
      const claims = await tools.store.batches.held.claim(AT_ONCE - underWay.size);
      for (const claim of claims) {
        const work = hold(tools, claim, stopping.signal)
          .catch(onError)
          .finally(() => {
            underWay.delete(work);
            loop.wake();
          });
        underWay.add(work);
      }
    },
    onError,
  });
  return {
    wake: () => loop.wake(),
    stop: async () => {
      stopping.abort();
      await loop.stop();
      await Promise.all(underWay);
    },
  };
}

/** Keeps a batch for as long as there is something to do for it, then gives it back. */
async function hold(tools: BatchTools, claim: BatchClaim, stopping: AbortSignal): Promise<void> {
  const { store, logger } = tools;
  const stored = await store.batches.get({ id: claim.id });
  if (stored === null) return void (await store.batches.held.release(claim, null));
  const lost = new AbortController();
  const renewal = startLoop({
    pauseMs: RENEW_EVERY_MS,
    pass: async () => {
      if (!(await store.batches.held.renew(claim))) lost.abort();
    },
    onError: (error) => logger.warn({ err: error }, "batch not renewed"),
  });
  const signal = AbortSignal.any([stopping, lost.signal]);
  const batch = { ...stored, cell: store.cell };
  try {
    await work({ ...tools, claim, batch, signal });
  } finally {
    await renewal.stop();
  }
}

async function work(held: Held): Promise<void> {
  const { store, claim } = held;
  for (;;) {
    const { following, reason } = await outcomeOf(held);
    if ((await store.batches.held.release(claim, following, reason)) !== "again") return;
  }
}

async function outcomeOf(held: Held): Promise<{ following: Following; reason: string | null }> {
  const { claim, logger } = held;
  try {
    return { following: await advance(held), reason: null };
  } catch (error) {
    // Somebody has it already, or is to have it at once.
    if (error instanceof LetGo) return { following: 0, reason: null };
    const reason = reasonOf(error);
    const told = { batch_id: claim.id, ...(error instanceof InTheWay ? {} : { err: error }) };
    if (reason === null) logger.error(told, "batch failed to move on; it is tried again");
    else logger.warn({ ...told, reason }, "batch waits");
    return { following: error instanceof InTheWay ? error.retryAfterMs : TRY_AGAIN_MS, reason: reason ?? DEFECT };
  }
}

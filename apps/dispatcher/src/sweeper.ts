import type { Logger } from "@llamero/process";
import { type Carriers, repairWindow } from "@llamero/queue";
import type { Store } from "@llamero/store";
import { type Loop, startLoop } from "./repeat.ts";

/** How late a scheduled job or a deadline may be noticed, in milliseconds. */
const SWEEP_EVERY_MS = 250;
/** Most entries of one kind in one pass: keeps each script call well under a millisecond per ten. */
const SWEEP_LIMIT = 200;
/** How often carriers are compared with windows, in milliseconds. */
const REPAIR_EVERY_MS = 1_000;

export interface SweeperOptions {
  store: Store;
  carriers: Carriers;
  /** How long jobs are kept after they have ended, asked at each pass. */
  retentionMs: () => number;
  logger: Logger;
}

/** Puts through what falls due, until a pass finds less than its limit. */
async function sweepAll({ store, carriers, retentionMs, logger }: SweeperOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { due, ended, retired, forgotten, fed } = await store.sweep({ retentionMs: retentionMs(), limit: SWEEP_LIMIT });
    await carriers.add(fed);
    if (due + ended + retired + forgotten > 0) logger.debug({ due, ended, retired, forgotten }, "swept");
    if (signal.aborted || Math.max(due, ended, retired, forgotten) < SWEEP_LIMIT) return;
  }
}

async function repairAll({ store, carriers, logger }: SweeperOptions): Promise<void> {
  // Variants wait in their base's queue.
  for (const { slug } of (await store.catalogue()).filter(({ base }) => base === null)) {
    const repaired = await repairWindow(store, carriers, slug);
    if (repaired > 0) logger.warn({ model: slug, repaired }, "replaced missing carriers");
    await carriers.add(await store.feed([slug]));
  }
}

/** Starts the two loops that keep the store moving without anybody's call. Several may run: every step is idempotent. */
export function startSweeper(options: SweeperOptions): Pick<Loop, "stop"> {
  const onError = (error: unknown) => options.logger.warn({ err: error }, "sweep failed; the next pass follows");
  const loops = [
    startLoop({ pauseMs: SWEEP_EVERY_MS, pass: (signal) => sweepAll(options, signal), onError }),
    startLoop({ pauseMs: REPAIR_EVERY_MS, pass: () => repairAll(options), onError }),
  ];
  return { stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))) };
}

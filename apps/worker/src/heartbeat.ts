import type { Logger } from "@llamero/process";
import type { Carriers } from "@llamero/queue";
import { BEAT_INTERVAL_MS, type Store, type WorkerBeat } from "@llamero/store";

export interface HeartbeatOptions {
  store: Store;
  carriers: Carriers;
  worker: WorkerBeat;
  logger: Logger;
}

/**
 * Says every two seconds that this worker lives, which sizes the windows of its models and feeds them.
 * The first beat is awaited: when this resolves, waiting jobs are on their way.
 */
export async function startHeartbeat({ store, carriers, worker, logger }: HeartbeatOptions): Promise<{ stop(): Promise<void> }> {
  const beat = async (slots: WorkerBeat["slots"]) => carriers.add(await store.beat({ ...worker, slots }));
  await beat(worker.slots);
  let inFlight: Promise<void> | null = null;
  const timer = setInterval(() => {
    inFlight ??= beat(worker.slots)
      .catch((error: unknown) => logger.warn({ err: error }, "heartbeat failed; the next one follows"))
      .finally(() => {
        inFlight = null;
      });
  }, BEAT_INTERVAL_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await inFlight;
      await beat([]);
    },
  };
}

import type { Store } from "@llamero/store";
import type { Carriers } from "./carriers.ts";

/** A fed job without a carrier for this long has lost it; feeding and adding are milliseconds apart. */
const GRACE_MS = 5_000;
const LIMIT = 200;

/**
 * Replaces carriers that never arrived or were lost: a process died between feed and add, or Redis lost its last writes.
 * A job that still counts as running without any carrier has lost its worker and goes back to its queue.
 * @returns how many jobs were repaired
 */
export async function repairWindow(store: Store, carriers: Carriers, slug: string): Promise<number> {
  const entries = await store.staleWindow(slug, GRACE_MS, LIMIT);
  const missing = new Set(await carriers.missing(entries.map(({ carrier }) => carrier)));
  const lost = entries.filter(({ carrier }) => missing.has(carrier));
  const waiting = lost.filter((job) => job.status === "queued");
  await carriers.add(waiting.map(({ carrier }) => carrier));
  const running = lost.filter((job) => job.status === "running");
  for (const job of running) {
    const result = await store.finish(job, { status: "queued", countsAs: "lost" });
    if (result.outcome === "finished") await carriers.add(result.fed);
  }
  return waiting.length + running.length;
}

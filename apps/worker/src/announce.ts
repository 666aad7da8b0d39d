import type { LoadedModel } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Store } from "@llamero/store";

/** Enters a worker's models into the catalogue, loaded or not; the first is the default of a deployment that has none. */
export async function announce(store: Store, models: readonly LoadedModel[], logger: Logger, nowMs: number): Promise<void> {
  const known = new Map((await store.catalogue()).map((entry) => [entry.name, entry]));
  for (const [index, { slots: _slots, ...facts }] of models.entries()) {
    const before = known.get(facts.name);
    if (before !== undefined && before.digest !== facts.digest)
      logger.warn({ model: facts.name }, "another worker served a different file under this model's name; jobs may get either");
    await store.announceModel({ ...facts, is_default: index === 0, registered_at_ms: before?.registered_at_ms ?? nowMs });
  }
}

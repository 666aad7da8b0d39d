import { addCarriers } from "@llamero/queue";
import { type Held, LetGo } from "./held.ts";
import { readSegment } from "./segment-lines.ts";

/**
 * Cancels the jobs of a batch that is to end before it is through: those that wait end at once, those that run within two seconds. Those
 * that have ended stay as they are. Of one that expires, the jobs have the same deadline and end by themselves.
 */
export async function stopLines(held: Held): Promise<void> {
  const { store, storage, batch, signal } = held;
  if (batch.stop !== "cancelled") return;
  for (const [number, jobs] of await store.batches.held.openSegments(batch.id)) {
    if (jobs === 0) continue;
    const segment = await store.batches.held.segment(batch.id, number);
    if (segment === null) continue;
    const lines = await readSegment(storage, batch, segment);
    for (const each of lines) {
      if (signal.aborted) throw new LetGo();
      if (each.kind === "bad") continue;
      for (const { id } of each.line.asked) {
        const result = await store.cancel({ id, owner: batch.owner });
        if (result.outcome === "cancelled") await addCarriers(held, result.fed);
      }
    }
  }
}

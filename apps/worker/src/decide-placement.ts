import type { PlacementState } from "@llamero/core";

/** What the decision knows of a model. Times are milliseconds of one clock that only goes forward. */
export interface PlacedView {
  name: string;
  state: PlacementState;
  /** Memory that it takes once it is loaded. */
  sizeBytes: number;
  /** Carriers that its consumer has taken and not given back. */
  inHand: number;
  /** For how long its oldest job has waited for a worker; null when none does. */
  waitingMs: number | null;
  /** Another worker has it, or is loading it. */
  isElsewhere: boolean;
  /** When a job of it last began or ended here. */
  lastUsedAtMs: number;
  /** When it came to where it is: was loaded, was unloaded, failed. */
  placedAtMs: number;
  /** How long it took to load last time; 0 when it never was. */
  loadTookMs: number;
  /** A failed model is not tried before this. */
  retryAtMs: number;
}

/** What is to be done: a model to load, or one to unload and the one that it makes room for. */
export type Placing = { load: string } | { unload: string; toMakeRoomFor: string } | null;

/** After so long without a place, a model whose jobs wait takes one from models that have work themselves, in milliseconds. */
export const CLAIM_AFTER_MS = 30_000;
/** What another worker has is wanted here when its jobs have waited so long: that one does not keep up. Milliseconds. */
export const SPREAD_AFTER_MS = 5_000;
/** A model that has work keeps its place for so long at least, in milliseconds. */
export const MIN_STAY_MS = 30_000;

const isLoaded = ({ state }: PlacedView) => state === "ready" || state === "loading";
const isIdle = ({ inHand, waitingMs }: PlacedView) => inHand === 0 && waitingMs === null;
const sumOf = (models: readonly PlacedView[]) => models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

function isWanted({ waitingMs, isElsewhere }: PlacedView): boolean {
  return waitingMs !== null && waitingMs >= (isElsewhere ? SPREAD_AFTER_MS : 0);
}

/** For how long a model has waited for a place: not longer than it has been without one, so that taking turns is in turns. */
function waitedMs({ waitingMs, placedAtMs }: PlacedView, nowMs: number): number {
  return Math.min(waitingMs ?? 0, nowMs - placedAtMs);
}

/** Models that may make room, those first that are missed least: idle ones by their last use, then by the length of their stay. */
function removable(models: readonly PlacedView[], nowMs: number, isOverdue: boolean): PlacedView[] {
  const stayed = (model: PlacedView, leastMs: number) => nowMs - model.placedAtMs >= Math.max(leastMs, model.loadTookMs);
  const loaded = models.filter(isLoaded);
  const idle = loaded.filter((model) => isIdle(model) && stayed(model, 0)).sort((a, b) => a.lastUsedAtMs - b.lastUsedAtMs);
  if (!isOverdue) return idle;
  const busy = loaded.filter((model) => !isIdle(model) && stayed(model, MIN_STAY_MS));
  return [...idle, ...busy.sort((a, b) => a.placedAtMs - b.placedAtMs)];
}

/** The first of the fewest models, in the order given, that make enough room together; null when all of them do not. */
function firstToGo(candidates: readonly PlacedView[], missingBytes: number): PlacedView | null {
  const enough = candidates.findIndex((_, index) => sumOf(candidates.slice(0, index + 1)) >= missingBytes);
  if (enough === -1) return null;
  // The last one is needed; of those before it, what it makes superfluous stays.
  let spareBytes = sumOf(candidates.slice(0, enough + 1)) - missingBytes;
  const needed = candidates.slice(0, enough).filter(({ sizeBytes }) => {
    if (sizeBytes > spareBytes) return true;
    spareBytes -= sizeBytes;
    return false;
  });
  return needed[0] ?? candidates[enough] ?? null;
}

/**
 * What is to be done next so that the models that share the budget serve the jobs that wait.
 *
 * - A model without a place whose jobs wait gets one, who has waited longest for it first; where nothing waits, room is filled
 *   in the order given.
 * - Room is made by unloading models that have nothing to do, the least recently used first, once they have been there for as
 *   long as they took to load.
 * - When a model has waited for `CLAIM_AFTER_MS`, models that have work make room, too, the longest loaded first, after
 *   `MIN_STAY_MS`; until it is in, no other takes the room. So with more work than places, models take turns of about that
 *   length, and nobody waits for ever.
 * - A model that another worker has is left to that one, unless its jobs wait; then it is loaded here, too, where that takes no
 *   place from a model that has work.
 */
export function decidePlacement(models: readonly PlacedView[], budgetBytes: number, nowMs: number): Placing {
  const held = models.filter((model) => isLoaded(model) || model.state === "draining");
  const freeBytes = budgetBytes - sumOf(held);
  const comingBytes = sumOf(models.filter(({ state }) => state === "draining"));
  const placeable = models.filter(({ state, retryAtMs }) => state === "unloaded" || (state === "failed" && retryAtMs <= nowMs));
  const wanted = placeable.filter(isWanted);
  for (const model of wanted.sort((a, b) => waitedMs(b, nowMs) - waitedMs(a, nowMs))) {
    const missingBytes = model.sizeBytes - freeBytes;
    if (missingBytes <= 0) return { load: model.name };
    const isOverdue = !model.isElsewhere && waitedMs(model, nowMs) >= CLAIM_AFTER_MS;
    // Who is leaving leaves for this one.
    if (missingBytes <= comingBytes) return null;
    const victim = firstToGo(removable(models, nowMs, isOverdue), missingBytes - comingBytes);
    if (victim !== null) return { unload: victim.name, toMakeRoomFor: model.name };
    if (isOverdue) return null;
  }
  const fits = wanted.length === 0 && placeable.find(({ sizeBytes }) => sizeBytes <= freeBytes);
  return fits ? { load: fits.name } : null;
}

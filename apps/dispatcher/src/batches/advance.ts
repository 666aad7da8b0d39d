import type { BatchError } from "@llamero/core";
import { uploadName } from "@llamero/store";
import { checkInput } from "./check-input.ts";
import { closeSegment, eraseSegment } from "./close-segment.ts";
import { type Held, LetGo, stillHeld } from "./held.ts";
import { openSegment } from "./open-segment.ts";
import { stopLines } from "./stop-lines.ts";

/** Jobs of a batch that are there at a time, and bytes of its input that they come from: what is beyond waits in the file. */
const WINDOW_JOBS = 4_000;
const WINDOW_BYTES = 33_554_432;

/** How long a batch is left alone at most where nothing comes up, and while it is being stopped, in milliseconds. */
const LOOK_AGAIN_MS = 60_000;
const STOPPING_MS = 250;

/** When a batch is to be looked at again at the latest, in milliseconds; null: never, it has ended. */
export type Following = number | null;

/** Does all that can be done for a batch now. @throws LetGo, InTheWay, AppError of the storage and of Redis */
export async function advance(held: Held): Promise<Following> {
  for (;;) {
    const batch = await refresh(held);
    if (batch === null || batch.hasEnded) return null;
    if (batch.status === "validating") {
      if (batch.stop !== null) return finish(held, batch.stop);
      if (!(await validate(held))) return null;
      continue;
    }
    const leftMs = batch.expiresMs - (await held.store.now());
    if (leftMs <= 0 && batch.stop === null) {
      await held.store.batches.expire(batch.id);
      continue;
    }
    if (await move(held)) continue;
    if (await isThrough(held)) return finish(held, batch.stop ?? "completed");
    return batch.stop === null ? Math.min(leftMs, LOOK_AGAIN_MS) : STOPPING_MS;
  }
}

async function refresh(held: Held): Promise<Held["batch"] | null> {
  if (held.signal.aborted) throw new LetGo();
  const stored = await held.store.batches.get({ id: held.batch.id });
  if (stored === null) return null;
  held.batch = { ...held.batch, ...stored };
  return held.batch;
}

/** Reads the input and cuts it into segments. False: it was no good, and the batch has failed. */
async function validate(held: Held): Promise<boolean> {
  const { store, storage, claim, batch, maxLineBytes, signal } = held;
  const begun = await store.batches.held.begin(claim, batch.reuse?.batchId ?? null);
  stillHeld(begun !== "lost");
  if (begun === "copied") return start(held, batch.model);
  const file = await store.files.get({ id: batch.inputFileId, owner: batch.owner });
  if (file === null)
    return fail(held, [{ code: "file_not_found", message: "The input file is gone.", param: "input_file_id", line: null }]);
  const checked = await checkInput({
    batch,
    find: await store.modelFinder(held.settings.current.aliases),
    source: storage.read(uploadName(file.id)),
    bytes: file.bytes,
    maxLineBytes,
    signal,
    note: (segments) => store.batches.held.addSegments(claim, segments),
  });
  if (checked.outcome === "lost") throw new LetGo();
  return checked.outcome === "bad" ? fail(held, checked.errors) : start(held, checked.model);
}

async function start({ store, claim }: Held, model: string | null): Promise<true> {
  stillHeld((await store.batches.held.start(claim, model)) !== "lost");
  return true;
}

async function fail({ store, claim }: Held, errors: readonly BatchError[]): Promise<false> {
  stillHeld(await store.batches.held.end(claim, "failed", errors));
  return false;
}

/** One round of closing what has ended and opening what there is room for. @returns whether anything has moved */
async function move(held: Held): Promise<boolean> {
  const { store, batch } = held;
  for (const segment of await store.batches.held.segmentsToErase(batch.id)) await eraseSegment(held, segment);
  if (batch.stop !== null) await stopLines(held);
  let hasMoved = false;
  for (const [segment, jobs] of await store.batches.held.openSegments(batch.id)) {
    const isOpened = segment < batch.next;
    if (batch.stop === null && (jobs > 0 || !isOpened)) continue;
    if (await closeSegment(held, segment)) hasMoved = true;
  }
  // What has been closed may have been the next to be opened.
  if (hasMoved) await refresh(held);
  const hasMovedMore = batch.stop === null ? await open(held) : await closeUnopened(held);
  return hasMoved || hasMovedMore;
}

/** Opens segments for as long as there is room. */
async function open(held: Held): Promise<boolean> {
  const { store, batch } = held;
  const count = await store.batches.held.segmentCount(batch.id);
  let hasMoved = false;
  for (let next = batch.next; next < count; next++) {
    if (!(await hasRoom(held)) || !(await openSegment(held, next))) break;
    hasMoved = true;
  }
  return hasMoved;
}

async function hasRoom({ store, batch }: Held): Promise<boolean> {
  const opened = await store.batches.held.openSegments(batch.id);
  let [jobs, bytes] = [0, 0];
  for (const [number, left] of opened) {
    const segment = await store.batches.held.segment(batch.id, number);
    // Those that have ended are there until their segment is closed.
    jobs += Math.max(left, segment?.lines ?? 0);
    bytes += segment?.bytes ?? 0;
  }
  return opened.size === 0 || (jobs < WINDOW_JOBS && bytes < WINDOW_BYTES);
}

/** Segments that will not be opened any more are closed as they are: one at a time, so that others get a turn. */
async function closeUnopened(held: Held): Promise<boolean> {
  const { store, batch } = held;
  const [count, opened] = await Promise.all([
    store.batches.held.segmentCount(batch.id),
    store.batches.held.openSegments(batch.id),
  ]);
  const isLeft = batch.next < count && !opened.has(batch.next);
  return isLeft && (await closeSegment(held, batch.next));
}

async function isThrough({ store, batch }: Held): Promise<boolean> {
  const [count, opened] = await Promise.all([
    store.batches.held.segmentCount(batch.id),
    store.batches.held.openSegments(batch.id),
  ]);
  return batch.next >= count && opened.size === 0;
}

async function finish(held: Held, status: "completed" | "cancelled" | "expired"): Promise<null> {
  const { store, storage, claim, batch } = held;
  if (status === "completed") stillHeld(await store.batches.held.end(claim, "finalizing"));
  const stray = await store.batches.held.strayObjects(batch.id);
  await storage.remove(stray);
  await store.batches.held.forgetStrayObjects(batch.id);
  stillHeld(await store.batches.held.end(claim, status));
  return null;
}

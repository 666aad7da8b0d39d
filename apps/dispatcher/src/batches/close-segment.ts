import { randomBytes } from "node:crypto";
import { isTerminal, type Job, newId } from "@llamero/core";
import type { LineName } from "@llamero/openai";
import { lineJobId, partName } from "@llamero/store";
import { type Held, LetGo, stillHeld } from "./held.ts";
import { endOfLine, renderLine } from "./render-line.ts";
import { reusedLines } from "./reused-lines.ts";
import { readSegment, type SegmentLine } from "./segment-lines.ts";

/** Jobs that are read at once: bounds the memory that their requests take. */
const READ_AT_ONCE = 200;

interface Written {
  output: string[];
  error: string[];
  /** Lines that failed without having become jobs, or not all of them, and so are not counted. */
  uncounted: number;
  unanswered: { cancelled: number; expired: number };
  usage: { inputTokens: number; cachedTokens: number; outputTokens: number };
}

const idsOf = (each: SegmentLine, { batch }: Held): string[] =>
  each.kind === "good" ? each.line.asked.map(({ id }) => id) : [lineJobId(batch, each.number, 0)];

/** The jobs of lines, null where there is none; null altogether while one of them has not ended. */
async function endedJobs({ store }: Held, ids: readonly string[]): Promise<Map<string, Job> | null> {
  const jobs = new Map<string, Job>();
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    for (const job of await store.getJobs(ids.slice(from, from + READ_AT_ONCE))) {
      if (job === null) continue;
      if (!isTerminal(job.status)) return null;
      jobs.set(job.id, job);
    }
  }
  return jobs;
}

const nameOf = ({ number, customId }: SegmentLine, { batch }: Held): LineName => ({
  id: `batch_req_${lineJobId(batch, number, 0).slice("job_".length)}`,
  customId,
});

/** Writes down what the lines of a segment have come to. null while one of its jobs has not ended. */
async function write(held: Held, number: number, lines: readonly SegmentLine[]): Promise<Written | null> {
  const { store, batch } = held;
  const jobs = await endedJobs(
    held,
    lines.flatMap((each) => idsOf(each, held)),
  );
  if (jobs === null) return null;
  const refusals = await store.batches.held.refusals(batch.id, number);
  const reused = await reusedLines(held, number);
  const written: Written = {
    ...{ output: [], error: [], uncounted: 0, unanswered: { cancelled: 0, expired: 0 } },
    usage: { inputTokens: 0, cachedTokens: 0, outputTokens: 0 },
  };
  for (const each of lines) {
    const own = idsOf(each, held).map((id) => jobs.get(id) ?? null);
    const earlier = each.customId === null ? undefined : reused.get(each.customId);
    if (earlier !== undefined) {
      written.output.push(earlier);
      continue;
    }
    addUsage(written, own);
    const refusal = refusals.get(each.number) ?? null;
    const end = endOfLine({ batch, line: each, jobs: own, refusal });
    if ("isMissing" in end && end.isMissing) written.uncounted += 1;
    if (end.kind === "expired") written.unanswered.expired += 1;
    if (end.kind === "cancelled" || end.kind === "job_cancelled") written.unanswered.cancelled += 1;
    const { text, file } = renderLine(batch.endpoint, nameOf(each, held), end);
    written[file].push(text);
  }
  return written;
}

function addUsage({ usage }: Written, jobs: readonly (Job | null)[]): void {
  for (const job of jobs) {
    usage.inputTokens += job?.usage?.prompt_tokens ?? 0;
    usage.cachedTokens += job?.usage?.cached_tokens ?? 0;
    usage.outputTokens += job?.usage?.completion_tokens ?? 0;
  }
}

/** Puts lines into an object of their own. @returns its size in bytes; 0: there are none, and no object */
async function writePart(held: Held, part: "output" | "error", number: number, lines: readonly string[]): Promise<number> {
  if (lines.length === 0) return 0;
  const { storage, batch, claim } = held;
  async function* source() {
    for (const line of lines) yield Buffer.from(`${line}\n`);
  }
  return storage.write(partName(batch.id, part, number, claim.fence), source());
}

/**
 * Writes the parts of a segment whose jobs have ended, and removes the jobs. A crash before the last step leaves things as they were,
 * but for an object that nothing names.
 * @returns false while one of its jobs has not ended
 */
export async function closeSegment(held: Held, number: number): Promise<boolean> {
  const { store, storage, claim, batch, signal } = held;
  const segment = await store.batches.held.segment(batch.id, number);
  if (segment === null) return false;
  const lines = await readSegment(storage, batch, segment);
  const written = await write(held, number, lines);
  if (written === null) return false;
  if (signal.aborted) throw new LetGo();
  const begun = await store.batches.held.beginClosing(claim, number);
  stillHeld(begun !== "lost");
  // Its jobs are gone by now, and what was read of them says nothing.
  if (begun === "closed") return false;
  const newFileId = () => newId("file", { now: Date.now, randomBytes, cell: batch.cell });
  const parts = {
    output: { fileId: newFileId(), bytes: await writePart(held, "output", number, written.output) },
    error: { fileId: newFileId(), bytes: await writePart(held, "error", number, written.error) },
  };
  const { uncounted: failed, unanswered, usage } = written;
  stillHeld((await store.batches.held.closeSegment(claim, { segment: number, failed, unanswered, usage, parts })) === "closed");
  await eraseSegment(held, number, lines);
  return true;
}

/** Removes the jobs of a segment that is closed. */
export async function eraseSegment(held: Held, number: number, known?: readonly SegmentLine[]): Promise<void> {
  const { store, storage, batch } = held;
  const segment = await store.batches.held.segment(batch.id, number);
  const lines = known ?? (segment === null ? [] : await readSegment(storage, batch, segment));
  await store.batches.held.eraseLines(
    batch.id,
    number,
    lines.flatMap((each) => idsOf(each, held)),
  );
}

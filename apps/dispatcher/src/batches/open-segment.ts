import { AppError, type ErrorCode } from "@llamero/core";
import { lineErrorOf } from "@llamero/openai";
import { addCarriers } from "@llamero/queue";
import { type Held, InTheWay, LetGo, stillHeld } from "./held.ts";
import { type AskingJob, BadLine, lineJobs } from "./read-line.ts";
import { reusedLines } from "./reused-lines.ts";
import { readSegment, type SegmentLine } from "./segment-lines.ts";

/** Jobs that one call of a script takes in: a millisecond or two of Redis's time. */
const ACCEPTED_AT_ONCE = 50;

const HOOK_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["refused_by_hook", "hook_failed"]);
/** A line with more texts to embed goes to a worker, also when all their vectors are kept: bounds what one call carries. */
const MOST_INPUTS = 16;

const jobsIn = (lines: readonly SegmentLine[]) => lines.reduce((sum, each) => sum + jobCount(each), 0);

/** Of a line that cannot be run, one is counted. */
const jobCount = (each: SegmentLine) => (each.kind === "good" ? each.line.asked.length : 1);

/**
 * Makes jobs of the lines of a segment. After a crash it is done again: what is there already is left as it is.
 * @returns false where the batch is to end
 * @throws InTheWay where too many jobs wait
 */
export async function openSegment(held: Held, number: number): Promise<boolean> {
  const { store, storage, claim, batch, signal } = held;
  const segment = await store.batches.held.segment(batch.id, number);
  if (segment === null) throw new AppError("internal_error", `batch ${batch.id} has no segment ${number}`);
  const lines = await readSegment(storage, batch, segment);
  const opening = await store.batches.held.openSegment(claim, number, jobsIn(lines));
  if (opening !== "opening") return endedBy(opening);
  const done = await reusedLines(held, number);
  const isReused = ({ customId }: SegmentLine) => customId !== null && done.has(customId);
  const reused = lines.filter(isReused);
  if (reused.length > 0) {
    const counts = { lines: reused.length, jobs: jobsIn(reused) };
    stillHeld(await store.batches.held.reuseLines(claim, number, counts));
  }
  const jobs = await toJobs(
    held,
    number,
    lines.filter((each) => !isReused(each)),
  );
  for (let from = 0; from < jobs.length; from += ACCEPTED_AT_ONCE) {
    if (signal.aborted) throw new LetGo();
    if (!(await accept(held, number, jobs.slice(from, from + ACCEPTED_AT_ONCE)))) return false;
  }
  stillHeld(await store.batches.held.segmentOpened(claim, number));
  return true;
}

function endedBy(outcome: "stopped" | "lost"): false {
  stillHeld(outcome !== "lost");
  return false;
}

/** The jobs of lines; what cannot become one is refused, as a line that has failed. */
async function toJobs(held: Held, segment: number, lines: readonly SegmentLine[]): Promise<AskingJob[]> {
  const { store, settings, claim, batch } = held;
  const find = await store.modelFinder(settings.current.aliases);
  const jobs: AskingJob[] = [];
  for (const each of lines) {
    const made = each.kind === "bad" ? each.error : await madeOf(() => hooked(held, lineJobs(batch, find, each.line).jobs));
    if (made instanceof AppError) {
      const refused = { number: each.number, jobs: jobCount(each) };
      stillHeld(await store.batches.held.refuseLine(claim, segment, refused, JSON.stringify(lineErrorOf(made))));
    } else jobs.push(...made);
  }
  return jobs;
}

async function madeOf(make: () => Promise<AskingJob[]>): Promise<AskingJob[] | AppError> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof BadLine) return error.error;
    if (error instanceof AppError && HOOK_ERRORS.has(error.code)) return error;
    throw error;
  }
}

/** Jobs as the deployment's hooks leave them. @throws AppError `refused_by_hook`, `hook_failed` */
function hooked({ hooks, batch }: Held, jobs: readonly AskingJob[]): Promise<AskingJob[]> {
  return Promise.all(
    jobs.map(async (job) => {
      const request = await hooks.beforeAccept({ owner: batch.owner, model: job.model, request: job.request });
      return { ...job, request, asks: { ...job.asks, request } };
    }),
  );
}

async function accept(held: Held, segment: number, asking: readonly AskingJob[]): Promise<boolean> {
  const { store, claim, batch } = held;
  const place = { segment, keyId: batch.keyId, deadlineAtMs: batch.expiresMs };
  const jobs = await Promise.all(
    asking.map(async ({ asks, ...job }) => ({ ...job, reuse: await store.reuse.ask({ ...asks, mostInputs: MOST_INPUTS }) })),
  );
  const result = await store.batches.held.acceptLines(claim, place, jobs);
  if (!("fed" in result)) return endedBy(result.outcome);
  await addCarriers(held, result.fed);
  if (result.outcome === "accepted") return true;
  const seconds = result.retryAfterSeconds;
  throw new InTheWay(`Too many jobs wait. The batch goes on when there is room, in about ${seconds} s.`, seconds * 1_000);
}

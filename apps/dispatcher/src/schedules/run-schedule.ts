import { createHash, randomInt } from "node:crypto";
import { AppError, deadlineRefusal, isTerminal, newId, type SubmitBody, startTime, textField, toJobRequest } from "@llamero/core";
import { type ScheduleWork, scheduleWorkSchema } from "@llamero/openai";
import type { LoadedHooks } from "@llamero/process";
import type { Carriers, DueRun } from "@llamero/queue";
import { admitRouted, type ScheduleRun, type SettingsWatch, type Store, type StoredSchedule } from "@llamero/store";

const SEEDS = 2 ** 32;
/** Most pairs of a job's metadata. */
const MOST_PAIRS = 16;

export interface RunOptions {
  store: Store;
  settings: Pick<SettingsWatch, "current">;
  hooks: Pick<LoadedHooks, "beforeAccept">;
  carriers: Pick<Carriers, "add">;
}

interface Starting extends RunOptions {
  schedule: StoredSchedule;
  run: DueRun;
}

/** The same for the same run, whoever starts it and however often: it is started once. */
function idOf(kind: "job" | "batch", { store, schedule, run }: Starting): string {
  const digest = createHash("sha256").update(`${schedule.id} ${run.atMs}`).digest();
  return newId(kind, { now: () => run.atMs, randomBytes: (count) => digest.subarray(0, count), cell: store.cell });
}

/**
 * Runs a schedule that has fallen due, unless what it started before is still there and stands in its way. What became of it is noted.
 * @returns null where there is nothing to run: the schedule is gone, or paused
 * @throws AppError where it may be started later; for the last time it is noted as failed instead
 */
export async function runSchedule(options: RunOptions, run: DueRun): Promise<ScheduleRun | null> {
  const { store } = options;
  const schedule = await store.schedules.get({ id: run.scheduleId });
  if (schedule === null || (schedule.isPaused && !run.isAsked)) return null;
  const became = await start({ ...options, schedule, run });
  await store.schedules.noteRun(schedule.id, became);
  return became;
}

async function start(starting: Starting): Promise<ScheduleRun> {
  const { schedule, run } = starting;
  const work = scheduleWorkSchema.parse(JSON.parse(schedule.work));
  const noted = (outcome: ScheduleRun["outcome"], startedId: string | null, error: string | null): ScheduleRun => ({
    ...{ atMs: run.atMs, outcome, startedId, error },
  });
  try {
    if (!(await isFree(starting, work.kind))) return noted("skipped", null, null);
    const id = work.kind === "job" ? await startJob(starting, work) : await startBatch(starting, work);
    return noted("started", id, null);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.retryable && !run.isLast) throw error;
    return noted("failed", null, error.message);
  }
}

/** Whether a run may be started beside what was started last. */
async function isFree(starting: Starting, kind: ScheduleWork["kind"]): Promise<boolean> {
  const { store, schedule } = starting;
  const { lastStartedId: id, owner, overlap } = schedule;
  // What this very run has started is not in its way.
  if (overlap === "allow" || id === null || id === idOf(kind, starting)) return true;
  if (!(await isRunning(starting, kind, id))) return true;
  if (overlap === "skip") return false;
  if (kind === "batch") await store.batches.cancel({ id, owner });
  else {
    const cancelled = await store.cancel({ id, owner });
    if (cancelled.outcome === "cancelled") await starting.carriers.add(cancelled.fed);
  }
  return true;
}

async function isRunning({ store, schedule }: Starting, kind: ScheduleWork["kind"], id: string): Promise<boolean> {
  const { owner } = schedule;
  if (kind === "batch") return (await store.batches.get({ id, owner }))?.hasEnded === false;
  const record = await store.getRecord({ id, owner });
  return record !== null && !isTerminal(record.status);
}

function metadataOf({ metadata = {} }: SubmitBody, schedule: StoredSchedule): Record<string, string> {
  return Object.keys(metadata).length < MOST_PAIRS ? { ...metadata, schedule_id: schedule.id } : metadata;
}

/** @throws AppError where it is not taken */
async function startJob(starting: Starting, { body, webhook }: Extract<ScheduleWork, { kind: "job" }>): Promise<string> {
  const { store, settings, hooks, carriers, schedule } = starting;
  const id = idOf("job", starting);
  const { owner } = schedule;
  const find = await store.modelFinder(settings.current.aliases);
  const routed = find(body.model, { jobId: id, owner });
  const { model } = routed;
  const request = await hooks.beforeAccept({ owner, model: model.name, request: toJobRequest(body, randomInt(SEEDS)) });
  const route = admitRouted(routed, request, textField(body));
  const isSeedGiven = body.params?.seed !== undefined;
  const reuse = await store.reuse.ask({ owner, model, request, isSeedGiven, asked: body.reuse });
  const accepted = await store.accept({
    ...{ id, owner, slug: model.slug, request, route, idempotency: null, retryOf: null, webhook, reuse },
    ...startTime(body, await store.now()),
    deadlineMs: body.deadline_ms ?? null,
    metadata: metadataOf(body, schedule),
    priority: body.priority ?? "normal",
    supersedeKey: body.supersede_key ?? null,
    key: schedule.keyId === null ? null : { id: schedule.keyId, limits: {} },
  });
  if (accepted.outcome === "accepted") await carriers.add(accepted.fed);
  else if (accepted.outcome !== "duplicate") throw refusal(accepted.outcome);
  return id;
}

function refusal(outcome: "conflict" | "limited" | "full" | "unfit" | "late"): AppError {
  if (outcome === "unfit") return deadlineRefusal();
  if (outcome === "late") return new AppError("deadline_unreachable", "So much waits that its deadline would pass first.");
  return new AppError("backlog_full", "Too many jobs wait for its model.");
}

/** @throws AppError where it is not taken */
async function startBatch(starting: Starting, work: Extract<ScheduleWork, { kind: "batch" }>): Promise<string> {
  const { store, schedule } = starting;
  const { endpoint, inputFileId, windowSeconds, metadata, outputExpiresSeconds } = work;
  const id = idOf("batch", starting);
  if ((await store.batches.get({ id })) !== null) return id;
  const created = await store.batches.create({
    ...{ id, owner: schedule.owner, keyId: schedule.keyId, endpoint, inputFileId, windowSeconds, outputExpiresSeconds },
    ...{ metadata: metadataOf({ metadata }, schedule), reuse: null, idempotency: null },
  });
  if (created.outcome !== "created") throw new AppError("file_not_found", `Its input file ${inputFileId} is gone.`);
  return id;
}

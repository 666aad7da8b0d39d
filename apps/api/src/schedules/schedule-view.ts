import { scheduleWorkSchema } from "@llamero/openai";
import { nextRuns } from "@llamero/queue";
import type { ScheduleRun, StoredSchedule } from "@llamero/store";
import type { ScheduleView } from "./schema.ts";

const NEXT_RUNS = 5;

const iso = (ms: number) => new Date(ms).toISOString();

function runView({ atMs, outcome, startedId, error }: ScheduleRun, kind: "job" | "batch"): NonNullable<ScheduleView["last_run"]> {
  const started = { job_id: kind === "job" ? startedId : null, batch_id: kind === "batch" ? startedId : null };
  return { at: iso(atMs), outcome, ...started, error };
}

export function scheduleView(schedule: StoredSchedule, nowMs: number): ScheduleView {
  const { id, name, cron, timezone, overlap, isPaused, createdMs, runs, lastRun, work } = schedule;
  const { kind } = scheduleWorkSchema.parse(JSON.parse(work));
  return {
    id,
    object: "schedule",
    name,
    cron,
    timezone,
    overlap,
    paused: isPaused,
    runs: kind,
    created_at: iso(createdMs),
    next_runs: isPaused ? [] : nextRuns({ cron, timezone }, nowMs, NEXT_RUNS).map(iso),
    run_count: runs,
    last_run: lastRun === null ? null : runView(lastRun, kind),
  };
}

import type { Job, JobRequest, JobStatus } from "@llamero/core";
import { type FedJob, readFed } from "./fed-job.ts";
import { toJob } from "./record.ts";
import type { RunScript } from "./scripts.ts";
import type { JobHook } from "./webhooks/hook.ts";

export interface NewJob {
  id: string;
  owner: string;
  slug: string;
  request: JobRequest;
  /** Not before, milliseconds since the epoch; what has passed is at once. */
  runAtMs: number | null;
  /** Not before so many milliseconds from now. Default: null, at once or at `runAtMs`. */
  delayMs?: number | null;
  /** Milliseconds from now until the job expires. */
  deadlineMs: number | null;
  /** `key`: digest of the caller's Idempotency-Key; `bodyHash`: digest of the body it came with. No spaces in either. */
  idempotency: { key: string; bodyHash: string } | null;
  metadata: Record<string, string> | null;
  retryOf: string | null;
  /** It is accepted only while nothing else has retried that job. Default: false. */
  isOnlyRetry?: boolean;
  /** Who is told of it, besides its owner's endpoints. Default: null, nobody. */
  webhook?: JobHook | null;
}

export type AcceptResult =
  /** `job` is what a reader would see now, without the position: it is made here to spare a read. */
  | { outcome: "accepted"; job: Job; fed: FedJob[] }
  /** `duplicate`: this very request was accepted before, as `id`; `conflict`: the key was used with another body. */
  | { outcome: "duplicate" | "conflict"; id: string }
  /** Too many jobs wait for its model. */
  | { outcome: "full"; retryAfterSeconds: number }
  /** Its deadline passes before it may run. */
  | { outcome: "unfit" };

/** What a deployment asks of the jobs that it accepts. */
export interface Acceptance {
  /** Jobs that may wait in one queue; null is no limit. */
  maxWaiting: number | null;
  /** Returns when a job that has been written is where it must be. */
  confirm: () => Promise<void>;
}

/** Commits a job: when this resolves, it is stored, indexed and waiting, and survives the caller's death. */
export async function accept(
  run: RunScript,
  job: NewJob,
  model: string,
  { maxWaiting, confirm }: Acceptance,
): Promise<AcceptResult> {
  const reply = (await run("accept", [
    job.id,
    job.owner,
    job.slug,
    JSON.stringify(job.request),
    job.runAtMs ?? "",
    job.deadlineMs ?? "",
    job.idempotency?.key ?? "",
    job.idempotency?.bodyHash ?? "",
    job.metadata === null ? "" : JSON.stringify(job.metadata),
    job.retryOf ?? "",
    job.webhook ? JSON.stringify(job.webhook) : "",
    maxWaiting ?? "",
    job.isOnlyRetry === true ? 1 : "",
    job.delayMs ?? "",
  ])) as ["accepted" | "duplicate" | "conflict" | "full" | "unfit", ...unknown[]];
  const [outcome, status, nowMs] = reply;
  if (outcome === "unfit") return { outcome };
  if (outcome === "full") return { outcome, retryAfterSeconds: Number(reply[1]) };
  // A duplicate may be one whose first answer was that it is not confirmed.
  await confirm();
  if (outcome !== "accepted") return { outcome, id: String(reply[1]) };
  return { outcome, job: fresh(job, model, status as JobStatus, Number(nowMs)), fed: readFed(reply, 3) };
}

function fresh(job: NewJob, model: string, status: JobStatus, nowMs: number): Job {
  const fields: Record<string, string> = { created_ms: String(nowMs) };
  const runAtMs = job.delayMs ? nowMs + job.delayMs : job.runAtMs;
  if (status === "scheduled") fields["run_at_ms"] = String(runAtMs);
  if (job.deadlineMs !== null) fields["deadline_ms"] = String(nowMs + job.deadlineMs);
  if (job.retryOf !== null) fields["retry_of"] = job.retryOf;
  const { id, owner, slug, request } = job;
  const record = { id, owner, slug, type: request.type, status, fields, request, result: null, errorMessage: "" };
  return toJob({ ...record, metadata: job.metadata ?? {}, hook: job.webhook ?? null }, model, null);
}

import type { Job, JobRequest, JobStatus, KeyLimits, Priority } from "@llamero/core";
import { affinityOf } from "./affinity.ts";
import { expectedTokens } from "./expected-tokens.ts";
import { type FedJob, readFed } from "./fed-job.ts";
import { type StoredResult, toJob } from "./record.ts";
import type { Reuse } from "./reuse/reuse.ts";
import { type JobRoute, routeArgs } from "./routing.ts";
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
  /** Default: `normal`. */
  priority?: Priority;
  /** It ends older jobs of its owner with the same one. Default: null. */
  supersedeKey?: string | null;
  /** The API key that it comes with, to whose limits it is held. Default: null. */
  key?: { id: string; limits: KeyLimits } | null;
  /** It is accepted only while nothing else has retried that job. Default: false. */
  isOnlyRetry?: boolean;
  /** How it may be answered by what others were answered. Default: null, not at all. */
  reuse?: Reuse | null;
  /** What is kept of the call that it came by, as JSON. Default: null, nothing. */
  door?: string | null;
  /** The way that it takes where it has asked for an alias. Default: null. */
  route?: JobRoute | null;
  /** The trace that it belongs to, as W3C's `traceparent`. Default: null, to none. */
  trace?: string | null;
  /** Who is told of it, besides its owner's endpoints. Default: null, nobody. */
  webhook?: JobHook | null;
}

/** What more a key may submit now; null where it has no such limit. */
export interface RateLeft {
  requests: number | null;
  tokens: number | null;
}

export type AcceptResult =
  /** `job` is what a reader would see now, without the position: it is made here to spare a read. */
  | { outcome: "accepted"; job: Job; fed: FedJob[]; left: RateLeft }
  /** This very request was accepted before, as `id`. */
  | { outcome: "duplicate"; id: string }
  /** The Idempotency-Key was used with another body. */
  | { outcome: "conflict"; id: string }
  /** A limit of its key is in the way. */
  | { outcome: "limited"; limit: "requests" | "tokens" | "waiting"; retryAfterSeconds: number; left: RateLeft }
  /** Too many jobs, or tokens of jobs, wait for its model. */
  | { outcome: "full"; retryAfterSeconds: number }
  /** Its deadline passes before it may run. */
  | { outcome: "unfit" }
  /** It is not expected to have ended by its deadline: both times are from now. */
  | { outcome: "late"; startsMs: number; endsMs: number };

/** What a deployment asks of the jobs that it accepts. */
export interface Acceptance {
  /** What may wait in one queue; null is no limit. */
  limits: () => { maxWaiting: number | null; maxWaitingTokens: number | null };
  /** Returns when a job that has been written is where it must be. */
  confirm: () => Promise<void>;
}

/** Commits a job: when this resolves, it is stored, indexed and waiting, and survives the caller's death. */
export async function accept(run: RunScript, job: NewJob, model: string, { limits, confirm }: Acceptance): Promise<AcceptResult> {
  const { prompt, mostOutput } = expectedTokens(job.request);
  const { maxWaiting, maxWaitingTokens } = limits();
  const reply = (await run(job.supersedeKey ? "accept-superseding" : "accept", [
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
    maxWaitingTokens ?? "",
    job.isOnlyRetry === true ? 1 : "",
    job.delayMs ?? "",
    job.priority ?? "normal",
    prompt,
    mostOutput ?? "",
    job.key?.id ?? "",
    job.key?.limits.requests_per_minute ?? "",
    job.key?.limits.tokens_per_minute ?? "",
    job.key?.limits.max_waiting ?? "",
    job.supersedeKey ?? "",
    job.door ?? "",
    job.reuse?.key ?? "",
    job.reuse?.answer?.result ?? "",
    job.reuse?.answer?.promptTokens ?? "",
    ...routeArgs(job.route),
    affinityOf({ ...job, scope: job.owner }) ?? "",
    job.trace ?? "",
  ])) as [AcceptResult["outcome"], ...unknown[]];
  const [outcome, status, nowMs, requestsLeft, tokensLeft] = reply;
  if (outcome === "unfit") return { outcome };
  if (outcome === "full") return { outcome, retryAfterSeconds: Number(reply[1]) };
  if (outcome === "late") return { outcome, startsMs: Number(reply[1]), endsMs: Number(reply[2]) };
  const left = { requests: leftOf(requestsLeft), tokens: leftOf(tokensLeft) };
  if (outcome === "limited")
    return { outcome, limit: status as "requests" | "tokens" | "waiting", retryAfterSeconds: Number(nowMs), left };
  // A duplicate may be one whose first answer was that it is not confirmed.
  await confirm();
  if (outcome !== "accepted") return { outcome, id: String(reply[1]) };
  const made = { status: status as JobStatus, nowMs: Number(nowMs) };
  if (made.status !== "succeeded") return { outcome, job: fresh(job, model, made), fed: readFed(reply, 5), left };
  const [told, completionTokens] = reply.slice(5);
  const text = job.reuse?.answer?.result ?? String(told);
  const answered = fresh(job, model, {
    ...made,
    result: JSON.parse(text) as StoredResult,
    completionTokens: Number(completionTokens),
  });
  return { outcome, job: answered, fed: readFed(reply, 7), left };
}

const leftOf = (level: unknown) => (level === "" || level === undefined ? null : Math.max(0, Number(level)));

interface Made {
  status: JobStatus;
  nowMs: number;
  /** Of a job that has its answer at once. */
  result?: StoredResult;
  completionTokens?: number;
}

function fresh(job: NewJob, model: string, { status, nowMs, result, completionTokens }: Made): Job {
  const fields: Record<string, string> = { created_ms: String(nowMs) };
  const runAtMs = job.delayMs ? nowMs + job.delayMs : job.runAtMs;
  if (status === "scheduled") fields["run_at_ms"] = String(runAtMs);
  if (job.deadlineMs !== null) fields["deadline_ms"] = String(nowMs + job.deadlineMs);
  if (job.retryOf !== null) fields["retry_of"] = job.retryOf;
  if (job.priority !== undefined) fields["class"] = job.priority;
  if (job.supersedeKey) fields["supersede"] = job.supersedeKey;
  if (result) Object.assign(fields, { cached: "1", finished_ms: String(nowMs), completion_tokens: String(completionTokens) });
  const { id, owner, slug, request } = job;
  const route = job.route ? { alias: job.route.alias, isDegraded: job.route.isDegraded, tried: [] } : null;
  const record = { id, owner, slug, type: request.type, status, fields, request, result: result ?? null, errorMessage: "" };
  return toJob({ ...record, metadata: job.metadata ?? {}, hook: job.webhook ?? null, route }, { model, place: null, tried: [] });
}

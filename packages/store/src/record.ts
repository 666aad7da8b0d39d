import {
  type Job,
  type JobRequest,
  type JobStatus,
  type JobType,
  jobRequestSchema,
  type Output,
  type OutputFinishReason,
  type OutputParts,
  type Priority,
  prioritySchema,
  type Timings,
  type Usage,
} from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { parseRoute, type TakenRoute } from "./routing.ts";
import { type JobHook, parseHook } from "./webhooks/hook.ts";

/** What `finish` stores of an attempt: text, embeddings or scores, with what they cost. */
export interface StoredResult extends Omit<OutputParts, "finish_reason"> {
  finish_reason?: OutputFinishReason;
  /** Absent when the job was ended over its worker's head. */
  usage?: Usage;
  timings?: Timings;
}

/** Where a waiting job stands. */
export interface Place {
  /** 1 = next. */
  position: number;
  /** Until it is expected to start; null where nothing has ended of late. */
  etaSeconds: number | null;
}

/** A record as it lies in Redis, parsed: the hash and the long texts beside it. */
export interface JobRecord {
  id: string;
  owner: string;
  slug: string;
  type: JobType;
  status: JobStatus;
  fields: Record<string, string>;
  request: JobRequest;
  result: StoredResult | null;
  errorMessage: string;
  metadata: Record<string, string>;
  /** With its secret. */
  hook: JobHook | null;
  /** Null: it has named its model itself. */
  route: TakenRoute | null;
}

/**
 * Reads records, in the order of the ids; null where there is none.
 * The hash is read before the texts, so a record that says it has ended always comes with its result.
 */
export async function readRecords(redis: Redis, keys: Keys, ids: readonly string[]): Promise<(JobRecord | null)[]> {
  const replies = await Promise.all(
    ids.flatMap((id) => [
      redis.hgetall(keys.job(id)),
      redis.mget(keys.request(id), keys.result(id), keys.errorMessage(id), keys.metadata(id), keys.hook(id), keys.route(id)),
    ]),
  );
  return ids.map((id, index) => {
    const fields = replies[index * 2] as Record<string, string>;
    return parseRecord(id, fields, replies[index * 2 + 1] as (string | null)[]);
  });
}

function parseRecord(id: string, fields: Record<string, string>, texts: (string | null)[]): JobRecord | null {
  const [requestText, result, errorMessage, metadata, hook, route] = texts;
  if (fields["owner"] === undefined || typeof requestText !== "string") return null;
  const request = jobRequestSchema.parse(JSON.parse(requestText));
  return {
    id,
    owner: fields["owner"],
    slug: fields["model"] ?? "",
    type: request.type,
    status: fields["status"] as JobStatus,
    fields,
    request,
    result: result ? (JSON.parse(result) as StoredResult) : null,
    errorMessage: errorMessage ?? "",
    metadata: metadata ? (JSON.parse(metadata) as Record<string, string>) : {},
    hook: hook ? parseHook(hook) : null,
    route: route ? parseRoute(route) : null,
  };
}

const time = (ms: string | undefined) => (ms === undefined ? null : new Date(Number(ms)).toISOString());

function outputOf(record: JobRecord): Output | null {
  const { result, type } = record;
  if (result === null) return null;
  if (type === "embedding") return result.embeddings === undefined ? null : { embeddings: result.embeddings };
  if (type === "rerank") return result.results === undefined ? null : { results: result.results };
  const text = result.text ?? "";
  const finish_reason = result.finish_reason ?? "stop";
  if (type === "completion") return { text, finish_reason };
  const { tool_calls } = result;
  if (tool_calls === undefined) return { message: { role: "assistant", content: text }, text, finish_reason };
  return { message: { role: "assistant", content: text === "" ? null : text, tool_calls }, text, finish_reason };
}

function errorOf(record: JobRecord): Job["error"] {
  const code = record.fields["error_code"];
  if (code === undefined) return null;
  return { code, message: record.errorMessage };
}

function webhookView({ url, events, payload }: JobHook): Job["webhook"] {
  return { url, events: [...events], payload };
}

export function priorityOf({ fields }: Pick<JobRecord, "fields">): Priority {
  return prioritySchema.parse(fields["class"] ?? "normal");
}

/** What a job has cost; one that was not computed, none of its prompt. */
function costOf({ fields, result }: JobRecord): Pick<Job, "cached" | "usage" | "timings"> {
  const { usage = null, timings = null } = result ?? {};
  if (fields["cached"] === undefined) return { cached: false, usage, timings };
  return { cached: true, usage: usage && { ...usage, cached_tokens: usage.prompt_tokens }, timings: null };
}

type Routing = Job["routing"];

/** What a view of a job has besides its record. */
export interface Shown {
  /** The name of its model. */
  model: string;
  /** Null: it is not asked for, or does not wait. */
  place: Place | null;
  tried: NonNullable<Routing>["tried"];
}

/** The job as its owner sees it. */
export function toJob(record: JobRecord, { model, place, tried }: Shown): Job {
  const { fields, request, route } = record;
  return {
    id: record.id,
    object: "job",
    type: record.type,
    model,
    status: record.status,
    priority: priorityOf(record),
    position: place?.position ?? null,
    eta_seconds: place?.etaSeconds ?? null,
    created_at: new Date(Number(fields["created_ms"])).toISOString(),
    run_at: time(fields["run_at_ms"]),
    deadline_at: time(fields["deadline_ms"]),
    started_at: time(fields["started_ms"]),
    finished_at: time(fields["finished_ms"]),
    attempts: Number(fields["attempts"] ?? 0),
    resumed_from: Number(fields["resumed_from"] ?? 0) || null,
    progress: { completion_tokens: Number(fields["completion_tokens"] ?? 0) },
    params: "params" in request ? request.params : null,
    output: outputOf(record),
    ...costOf(record),
    error: errorOf(record),
    metadata: record.metadata,
    webhook: record.hook === null ? null : webhookView(record.hook),
    retry_of: fields["retry_of"] ?? null,
    retried_by: fields["retried_by"] ?? null,
    supersede_key: fields["supersede"] ?? null,
    superseded_by: fields["superseded_by"] ?? null,
    session_id: "session_id" in request ? (request.session_id ?? null) : null,
    batch_id: fields["batch"] ?? null,
    routing: route === null ? null : { alias: route.alias, degraded: route.isDegraded, tried },
  };
}

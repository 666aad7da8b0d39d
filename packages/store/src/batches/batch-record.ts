import { type BatchError, type BatchStatus, batchStatuses } from "@llamero/core";
import { z } from "zod";

const number = z.string().transform(Number);
const count = number.default(0);
const optional = z.string().optional();

const fieldsSchema = z.object({
  owner: z.string(),
  key: optional,
  endpoint: z.string(),
  input: z.string(),
  window_s: number,
  metadata: z.string(),
  output_expires_s: number.optional(),
  reuse: optional,
  reused_output: optional,
  status: z.enum(batchStatuses),
  /** Why it is to end before it is through. */
  stop: z.enum(["cancelled", "expired"]).optional(),
  paused: optional,
  model: optional,
  errors: optional,
  output: optional,
  error: optional,
  next: count,
  total: count,
  completed: count,
  failed: count,
  cancelled_lines: count,
  expired_lines: count,
  input_tokens: count,
  cached_tokens: count,
  output_tokens: count,
  created_ms: number,
  expires_ms: number,
  in_progress_ms: number.optional(),
  finalizing_ms: number.optional(),
  completed_ms: number.optional(),
  failed_ms: number.optional(),
  expired_ms: number.optional(),
  cancelling_ms: number.optional(),
  cancelled_ms: number.optional(),
  ended: number.optional(),
});

/** Milliseconds since the epoch at which a batch came to a status; null where it has not. */
export type BatchTimes = Record<Exclude<BatchStatus, "validating">, number | null>;

export interface StoredBatch {
  id: string;
  owner: string;
  /** The API key that it was made with. */
  keyId: string | null;
  endpoint: string;
  inputFileId: string;
  outputFileId: string | null;
  errorFileId: string | null;
  windowSeconds: number;
  /** How long its files are kept; null: until they are deleted. */
  outputExpiresSeconds: number | null;
  metadata: Record<string, string>;
  /** The batch whose lines are not run again where they have succeeded, and its file of them. */
  reuse: { batchId: string; outputFileId: string | null } | null;
  status: BatchStatus;
  stop: "cancelled" | "expired" | null;
  /** What is in its way, in words. */
  paused: string | null;
  model: string | null;
  errors: BatchError[];
  /** The segment that is opened next, from 0. */
  next: number;
  counts: { total: number; completed: number; failed: number };
  /** Of those that failed, the ones that were not let to their end, as far as they are written. */
  unanswered: { cancelled: number; expired: number };
  usage: { inputTokens: number; cachedTokens: number; outputTokens: number };
  createdMs: number;
  expiresMs: number;
  at: BatchTimes;
  hasEnded: boolean;
}

export function toBatch(id: string, raw: Record<string, string>): StoredBatch | null {
  if (raw["owner"] === undefined) return null;
  const f = fieldsSchema.parse(raw);
  return {
    id,
    owner: f.owner,
    keyId: f.key ?? null,
    endpoint: f.endpoint,
    inputFileId: f.input,
    outputFileId: f.output ?? null,
    errorFileId: f.error ?? null,
    windowSeconds: f.window_s,
    outputExpiresSeconds: f.output_expires_s ?? null,
    metadata: f.metadata === "" ? {} : (JSON.parse(f.metadata) as Record<string, string>),
    reuse: f.reuse === undefined ? null : { batchId: f.reuse, outputFileId: f.reused_output ?? null },
    status: f.status,
    stop: f.stop ?? null,
    paused: f.paused ?? null,
    model: f.model || null,
    errors: f.errors === undefined ? [] : (JSON.parse(f.errors) as BatchError[]),
    next: f.next,
    counts: { total: f.total, completed: f.completed, failed: f.failed },
    unanswered: { cancelled: f.cancelled_lines, expired: f.expired_lines },
    usage: { inputTokens: f.input_tokens, cachedTokens: f.cached_tokens, outputTokens: f.output_tokens },
    createdMs: f.created_ms,
    expiresMs: f.expires_ms,
    at: {
      in_progress: f.in_progress_ms ?? null,
      finalizing: f.finalizing_ms ?? null,
      completed: f.completed_ms ?? null,
      failed: f.failed_ms ?? null,
      expired: f.expired_ms ?? null,
      cancelling: f.cancelling_ms ?? null,
      cancelled: f.cancelled_ms ?? null,
    },
    hasEnded: f.ended !== undefined,
  };
}

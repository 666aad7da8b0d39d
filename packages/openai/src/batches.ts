import { type BatchError, type BatchStatus, batchStatuses, metadataSchema } from "@llamero/core";
import { z } from "zod";
import { batchEndpointPaths } from "./endpoints.ts";
import { expirySeconds, toSeconds } from "./files.ts";

const HOUR_S = 3_600;
/** Shortest and longest, in seconds. */
const WINDOW = { min: HOUR_S, max: 7 * 24 * HOUR_S };
const windowUnits = { h: HOUR_S, d: 24 * HOUR_S } as const;

/** Seconds of a window written as `90h` or `7d`; null for what is none. */
function windowSeconds(text: string): number | null {
  const [, count, unit] = /^(\d{1,3})([hd])$/.exec(text) ?? [];
  if (count === undefined) return null;
  const seconds = Number(count) * windowUnits[unit as keyof typeof windowUnits];
  return seconds >= WINDOW.min && seconds <= WINDOW.max ? seconds : null;
}

/** As it was asked for, or as the largest unit says it. */
const windowText = (seconds: number): string =>
  seconds % windowUnits.d === 0 && seconds > windowUnits.d ? `${seconds / windowUnits.d}d` : `${seconds / HOUR_S}h`;

/** The body of `POST /v1/batches`. */
export const createBatchSchema = z
  .strictObject({
    input_file_id: z
      .string()
      .min(1, "is empty")
      .max(64)
      .meta({ description: "A file of purpose `batch`, with a request a line." }),
    endpoint: z.enum(batchEndpointPaths).meta({ description: "What every line asks for." }),
    completion_window: z
      .string()
      .refine((text) => windowSeconds(text) !== null, "must be from 1h to 168h, or 1d to 7d")
      .transform((text) => windowSeconds(text) ?? 0)
      .meta({
        description: "Lines that have not ended by then expire.",
        example: "24h",
        override: { type: "string", pattern: "^\\d{1,3}[hd]$" },
      }),
    metadata: metadataSchema.nullish(),
    output_expires_after: z
      .strictObject({ anchor: z.literal("created_at"), seconds: expirySeconds })
      .nullish()
      .meta({ description: "How long its files are kept from when they are made. Default: until they are deleted." }),
    reuse_batch_id: z.string().min(1).max(64).nullish().meta({
      description:
        "Not of OpenAI's: a batch of yours that has ended and was over the same content. Its finished lines are taken over, only the others run.",
    }),
  })
  .meta({ id: "CreateBatch" });
export type CreateBatchBody = z.output<typeof createBatchSchema>;

const time = z.int().nullable();

/** A batch as OpenAI's clients know it. */
export const batchSchema = z
  .object({
    id: z.string().meta({ example: "batch_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    object: z.literal("batch"),
    endpoint: z.string(),
    model: z.string().nullable().meta({ description: "That of its first line." }),
    errors: z
      .object({
        object: z.literal("list"),
        data: z.array(
          z.object({ code: z.string(), message: z.string(), param: z.string().nullable(), line: z.int().nullable() }),
        ),
      })
      .nullable()
      .meta({ description: "Why its input was refused, line by line." }),
    input_file_id: z.string(),
    completion_window: z.string(),
    status: z.enum(batchStatuses),
    output_file_id: z
      .string()
      .nullable()
      .meta({ description: "There as soon as it holds a line; grows until the batch has ended." }),
    error_file_id: z.string().nullable().meta({ description: "The lines that did not succeed, with the reasons." }),
    created_at: z.int(),
    in_progress_at: time,
    expires_at: time,
    finalizing_at: time,
    completed_at: time,
    failed_at: time,
    expired_at: time,
    cancelling_at: time,
    cancelled_at: time,
    request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
    usage: z.object({
      input_tokens: z.int(),
      input_tokens_details: z.object({ cached_tokens: z.int() }),
      output_tokens: z.int(),
      output_tokens_details: z.object({ reasoning_tokens: z.int() }),
      total_tokens: z.int(),
    }),
    metadata: z.record(z.string(), z.string()).nullable(),
    paused_reason: z
      .string()
      .nullable()
      .meta({ description: "Not of OpenAI's: what is in its way just now. It goes on by itself." }),
    reuse_batch_id: z.string().nullable().meta({ description: "Not of OpenAI's." }),
  })
  .meta({ id: "Batch" });
export type BatchView = z.infer<typeof batchSchema>;

/** What is shown of a stored batch. */
export interface BatchFacts {
  id: string;
  endpoint: string;
  model: string | null;
  errors: readonly BatchError[];
  inputFileId: string;
  outputFileId: string | null;
  errorFileId: string | null;
  windowSeconds: number;
  status: BatchStatus;
  createdMs: number;
  expiresMs: number;
  at: Record<Exclude<BatchStatus, "validating">, number | null>;
  counts: BatchView["request_counts"];
  usage: { inputTokens: number; cachedTokens: number; outputTokens: number };
  metadata: Record<string, string>;
  paused: string | null;
  reuse: { batchId: string } | null;
}

const secondsOrNull = (ms: number | null) => (ms === null ? null : toSeconds(ms));

export function batchView(batch: BatchFacts): BatchView {
  const { at, usage, errors, metadata } = batch;
  return {
    id: batch.id,
    object: "batch",
    endpoint: batch.endpoint,
    model: batch.model,
    errors: errors.length === 0 ? null : { object: "list", data: [...errors] },
    input_file_id: batch.inputFileId,
    completion_window: windowText(batch.windowSeconds),
    status: batch.status,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: toSeconds(batch.createdMs),
    in_progress_at: secondsOrNull(at.in_progress),
    expires_at: toSeconds(batch.expiresMs),
    finalizing_at: secondsOrNull(at.finalizing),
    completed_at: secondsOrNull(at.completed),
    failed_at: secondsOrNull(at.failed),
    expired_at: secondsOrNull(at.expired),
    cancelling_at: secondsOrNull(at.cancelling),
    cancelled_at: secondsOrNull(at.cancelled),
    request_counts: batch.counts,
    usage: {
      input_tokens: usage.inputTokens,
      input_tokens_details: { cached_tokens: usage.cachedTokens },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.inputTokens + usage.outputTokens,
    },
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
    paused_reason: batch.paused,
    reuse_batch_id: batch.reuse?.batchId ?? null,
  };
}

import type { BatchStatus } from "@llamero/core";
import { z } from "zod";
import { type ErrorBody, errorBody } from "./errors.ts";
import { createMessageSchema } from "./request.ts";

const BATCH = "batch_";
const MESSAGE_BATCH = "msgbatch_";

/** A message batch is a batch by another name. */
export const messageBatchId = (batchId: string): string => MESSAGE_BATCH + batchId.slice(BATCH.length);
/** '' for what is no id of a message batch. */
export const batchIdOf = (id: string): string => (id.startsWith(MESSAGE_BATCH) ? BATCH + id.slice(MESSAGE_BATCH.length) : "");

/** A request of a message batch. */
export const batchRequestSchema = z.strictObject({
  custom_id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"),
  params: createMessageSchema,
});

/** The body of `POST /v1/messages/batches`. It is read as it arrives, a request at a time. */
export const createMessageBatchSchema = z
  .object({ requests: z.array(batchRequestSchema).min(1, "is empty") })
  .meta({ id: "CreateMessageBatch" });

/** How long a message batch may take, in seconds: Anthropic's. */
export const MESSAGE_BATCH_WINDOW_SECONDS = 86_400;

const time = z.iso.datetime().nullable();

/** A message batch as Anthropic's clients know it. */
export const messageBatchSchema = z
  .object({
    id: z.string().meta({ example: "msgbatch_01kaeq4y3c00d5t6v8m2r4q7zn" }),
    type: z.literal("message_batch"),
    processing_status: z.enum(["in_progress", "canceling", "ended"]),
    request_counts: z
      .object({ processing: z.int(), succeeded: z.int(), errored: z.int(), canceled: z.int(), expired: z.int() })
      .meta({ description: "Live. What did not succeed counts as errored until the batch has ended." }),
    created_at: z.iso.datetime(),
    ended_at: time,
    expires_at: z.iso.datetime(),
    cancel_initiated_at: time,
    archived_at: z.null(),
    results_url: z.string().nullable().meta({ description: "There as soon as there are results." }),
  })
  .meta({ id: "MessageBatch" });
export type MessageBatchView = z.infer<typeof messageBatchSchema>;

/** What is shown of a stored batch. */
export interface MessageBatchFacts {
  id: string;
  status: BatchStatus;
  createdMs: number;
  expiresMs: number;
  at: Record<Exclude<BatchStatus, "validating">, number | null>;
  counts: { total: number; completed: number; failed: number };
  /** Of those that failed, the ones that were not let to their end. */
  unanswered: { cancelled: number; expired: number };
  outputFileId: string | null;
  hasEnded: boolean;
}

const iso = (ms: number) => new Date(ms).toISOString();
const isoOrNull = (ms: number | null) => (ms === null ? null : iso(ms));

/** @param origin of the API, as its client sees it */
export function messageBatchView(batch: MessageBatchFacts, origin: string): MessageBatchView {
  const { counts, unanswered, at, hasEnded, status } = batch;
  const id = messageBatchId(batch.id);
  const endedMs = at.completed ?? at.cancelled ?? at.expired ?? at.failed;
  return {
    id,
    type: "message_batch",
    processing_status: hasEnded ? "ended" : status === "cancelling" ? "canceling" : "in_progress",
    request_counts: {
      processing: counts.total - counts.completed - counts.failed,
      succeeded: counts.completed,
      errored: counts.failed - unanswered.cancelled - unanswered.expired,
      canceled: unanswered.cancelled,
      expired: unanswered.expired,
    },
    created_at: iso(batch.createdMs),
    ended_at: isoOrNull(hasEnded ? endedMs : null),
    expires_at: iso(batch.expiresMs),
    cancel_initiated_at: isoOrNull(at.cancelling),
    archived_at: null,
    results_url: batch.outputFileId === null ? null : `${origin}/v1/messages/batches/${id}/results`,
  };
}

/** A line of a message batch's results. */
export interface MessageResultLine {
  custom_id: string | null;
  result: { type: "succeeded"; message: object } | { type: "errored"; error: ErrorBody } | { type: "canceled" | "expired" };
}

export const erroredLine = (custom_id: string | null, status: number, message: string): MessageResultLine => ({
  custom_id,
  result: { type: "errored", error: errorBody(status, message) },
});

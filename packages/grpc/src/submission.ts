import { checkPlain, type SubmitBody, submitSchema, validate } from "@llamero/core";
import { type SubmitRequest, SubmitRequestSchema } from "./gen/llamero/v1/jobs_pb.js";
import { plainOf } from "./plain.ts";

/** What a message asks for, as `POST /v1/jobs` has it. */
export interface Submission {
  body: SubmitBody;
  /** The message's own; null without one. */
  idempotencyKey: string | null;
}

/** @throws AppError as `plainOf` and `validate` */
export function readSubmission(request: SubmitRequest): Submission {
  const { idempotency_key: idempotencyKey = null, ...plain } = plainOf(SubmitRequestSchema, request);
  checkPlain(plain);
  return { body: validate(submitSchema, plain), idempotencyKey: idempotencyKey as string | null };
}

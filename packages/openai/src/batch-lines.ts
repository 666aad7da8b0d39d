import { type AppError, type ErrorCode, errorType, httpStatus, isErrorCode, type Job } from "@llamero/core";
import { z } from "zod";

/** A line of a batch's input, without what its body is to be. */
export const inputLineSchema = z.strictObject({
  custom_id: z.string().min(1, "is empty").max(512),
  method: z.literal("POST"),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
export type InputLine = z.infer<typeof inputLineSchema>;

/** A line of a batch's output or error file. */
export interface ResultLine {
  id: string;
  custom_id: string | null;
  response: { status_code: number; request_id: string; body: object } | null;
  error: { code: string; message: string } | null;
}

export interface LineName {
  /** `batch_req_…` */
  id: string;
  customId: string | null;
}

/** A line that has its answer. */
export function answeredLine({ id, customId }: LineName, requestId: string, body: object): ResultLine {
  return { id, custom_id: customId, response: { status_code: 200, request_id: requestId, body }, error: null };
}

/** A line whose request was refused, or failed: as the call would have been answered by itself. */
export function failedLine({ id, customId }: LineName, requestId: string, { code, message, param }: LineError): ResultLine {
  const status_code = httpStatus(code);
  const body = { error: { message, type: errorType(status_code), code, param } };
  return { id, custom_id: customId, response: { status_code, request_id: requestId, body }, error: null };
}

/** A line that was not let to its end. */
export function unansweredLine({ id, customId }: LineName, code: string, message: string): ResultLine {
  return { id, custom_id: customId, response: null, error: { code, message } };
}

/** Why a line has no answer; kept as JSON. */
export interface LineError {
  code: ErrorCode;
  message: string;
  param: string | null;
}

export function lineErrorOf(error: AppError): LineError {
  const { code, message, param } = error;
  return { code, message, param };
}

/** What a job of a line has failed with. */
export function failureOfJob({ error, status }: Job): LineError {
  const code = error !== null && isErrorCode(error.code) ? error.code : "internal_error";
  return { code, message: error?.message ?? `The job is ${status}.`, param: null };
}

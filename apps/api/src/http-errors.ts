import { AppError, errorType, httpStatus } from "@llamero/core";
import { z } from "zod";

/** Seconds after which another try makes sense where nobody knows better. */
const RETRY_AFTER_SECONDS = 2;
const WORTH_ANOTHER_TRY = new Set([429, 503]);

export const errorSchema = z
  .object({
    error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }),
  })
  .meta({ id: "Error", description: "What went wrong and what to do about it." });

/** A limit of a key is in the way; what is left of it goes with the answer. */
export class RateLimited extends AppError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, retryAfterSeconds: number, headers: Readonly<Record<string, string>>) {
    super("rate_limited", message, { retryAfterSeconds });
    this.headers = headers;
  }
}

export interface ErrorAnswer {
  status: number;
  body: z.infer<typeof errorSchema>;
  headers: Record<string, string>;
}

/** The answer to a failed request. A 5xx never says what happened inside. */
export function errorAnswer(error: unknown): ErrorAnswer {
  const known = error instanceof AppError ? error : new AppError("internal_error", "");
  const status = httpStatus(known.code);
  const isInside = status === 500;
  const message = isInside ? "Something went wrong on our side; the log has it under this request's id." : known.message;
  const headers: Record<string, string> = known instanceof RateLimited ? { ...known.headers } : {};
  if (WORTH_ANOTHER_TRY.has(status)) headers["retry-after"] = String(known.retryAfterSeconds ?? RETRY_AFTER_SECONDS);
  if (status === 401) headers["www-authenticate"] = "Bearer";
  // Clients try again by themselves, which would cost as much once more, or change nothing.
  if (status === 408 || status === 409) headers["x-should-retry"] = "false";
  const code = isInside ? "internal_error" : known.code;
  return { status, headers, body: { error: { message, type: errorType(status), code, param: isInside ? null : known.param } } };
}

import { AppError, shorten } from "@llamero/core";
import { APIConnectionError, APIError } from "openai";
import type { RemoteSource } from "./remote-source.ts";

/** Statuses that the operator can do something about, and the job cannot: a wrong key, a wrong name. */
const UNUSABLE: ReadonlySet<number> = new Set([401, 403, 404, 405]);
/** Statuses that ask for patience. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
/** Statuses that mean the request itself. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const MOST_WAIT_SECONDS = 3_600;

type Named = Pick<RemoteSource, "name" | "url">;

/** What went wrong with a request to a server, in our terms; its own message is repeated only where it is about the request. */
export function toBackendError(error: unknown, source: Named): AppError {
  if (error instanceof AppError) return error;
  const server = `The server of ${source.name} (${new URL(source.url).host})`;
  if (error instanceof APIConnectionError)
    return new AppError("backend_unavailable", `${server} cannot be reached: ${reasonOf(error)}.`, { cause: error });
  const status = error instanceof APIError ? error.status : undefined;
  if (!(error instanceof APIError) || status === undefined)
    return new AppError("backend_failed", `${server} broke off its answer: ${reasonOf(error)}.`, { cause: error });
  if (UNUSABLE.has(status))
    return new AppError(
      "backend_unavailable",
      `${server} answers ${status}: check its address, the model's name there and the key.`,
    );
  if (BUSY.has(status)) {
    const retryAfterSeconds = secondsOf(error.headers?.get("retry-after") ?? null);
    const options = retryAfterSeconds === null ? {} : { retryAfterSeconds };
    return new AppError("backend_unavailable", `${server} answers ${status}: it takes no more for now.`, options);
  }
  if (!REFUSED.has(status)) return new AppError("backend_failed", `${server} answers ${status}.`);
  const told = shorten(messageOf(error));
  const isTooLong =
    error.code === "context_length_exceeded" || /context (length|size|window)|maximum context/i.test(error.message);
  return new AppError(isTooLong ? "context_length_exceeded" : "backend_refused", `${server} refuses the request: ${told}`);
}

const messageOf = (error: APIError): string => {
  const { message } = (error.error ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : error.message;
};

/** The innermost cause that has a code, or else a message: `fetch failed` alone helps nobody. */
function reasonOf(error: unknown): string {
  let reason = "it is not known why";
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (at.message !== "") reason = at.message;
    if (typeof code === "string") reason = code;
  }
  return reason;
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function secondsOf(retryAfter: string | null): number | null {
  if (retryAfter === null) return null;
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? null : Math.min(MOST_WAIT_SECONDS, Math.max(1, Math.ceil(seconds)));
}

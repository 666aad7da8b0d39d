import { Code, ConnectError } from "@connectrpc/connect";
import { AppError, isErrorCode } from "@llamero/core";
import { ErrorInfoSchema, grpcCode, RetryInfoSchema } from "@llamero/grpc";
import type { Logger } from "@llamero/process";
import { type ErrorAnswer, errorAnswer } from "../http-errors.ts";
import type { OutageLog } from "../outage-log.ts";

/** Where the codes of errors are defined. */
const DOMAIN = "llamero";

/** Which call an error belongs to, for the log. */
export interface FailedCall {
  method: string;
  requestId: string;
}

/** What went wrong with one message of a stream, as `SubmitError` has it. */
export interface ToldError {
  code: string;
  message: string;
  param?: string;
  status: Code;
  retryAfterSeconds?: number;
}

function codeOf({ body }: ErrorAnswer): Code {
  const { code } = body.error;
  return isErrorCode(code) ? grpcCode(code) : Code.Internal;
}

function retryAfterOf({ headers }: ErrorAnswer): number | null {
  const seconds = headers["retry-after"];
  return seconds === undefined ? null : Number(seconds);
}

/** A text of the caller's that these have shortened may end in half a character, which no message of protobuf has. */
function wordsOf({ body }: ErrorAnswer): { message: string; code: string; param: string | null } {
  const { message, code, param } = body.error;
  return { message: message.toWellFormed(), code, param: param?.toWellFormed() ?? null };
}

/** The same answer over gRPC: its code and its words, and in details what a program wants to know. */
function connectError(answer: ErrorAnswer): ConnectError {
  const { message, code, param } = wordsOf(answer);
  const info = { reason: code, domain: DOMAIN, metadata: param === null ? {} : { param } };
  const retryAfter = retryAfterOf(answer);
  const retry =
    retryAfter === null ? [] : [{ desc: RetryInfoSchema, value: { retryDelay: { seconds: BigInt(retryAfter), nanos: 0 } } }];
  return new ConnectError(message, codeOf(answer), answer.headers, [{ desc: ErrorInfoSchema, value: info }, ...retry]);
}

/** Tells clients of errors, and the log of those that are ours. */
export class GrpcErrors {
  readonly #logger: Logger;
  readonly #outages: OutageLog;

  constructor(logger: Logger, outages: OutageLog) {
    this.#logger = logger;
    this.#outages = outages;
  }

  /** What a call ends with. An error that is gRPC's own, as of a deadline, is given as it is. */
  ofCall(error: unknown, call: FailedCall): ConnectError {
    if (error instanceof ConnectError) return error;
    // Why a signal aborts whose client has left without a reason.
    if (error instanceof DOMException) return new ConnectError("The client has gone away.", Code.Canceled);
    return connectError(this.#answer(error, call));
  }

  /** What a message of a stream is told, which goes on. */
  ofMessage(error: unknown, call: FailedCall): ToldError {
    const answer = this.#answer(error, call);
    const { message, code, param } = wordsOf(answer);
    const retryAfterSeconds = retryAfterOf(answer);
    return {
      ...{ code, message, status: codeOf(answer) },
      ...(param === null ? {} : { param }),
      ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
    };
  }

  /** What a call fails with when nobody waits for it any more. */
  unheard(error: unknown, { method, requestId }: FailedCall): void {
    this.#logger.debug({ err: error, request_id: requestId, method }, "a call failed after its client had gone");
  }

  #answer(error: unknown, { method, requestId }: FailedCall): ErrorAnswer {
    const answer = errorAnswer(error);
    if (answer.status === 503 && error instanceof AppError) this.#outages.refused(error);
    if (answer.status === 500) this.#logger.error({ err: error, request_id: requestId, method }, "request failed");
    return answer;
  }
}

import type { Draft } from "./draft.ts";
import type { Operation } from "./operations.ts";
import type { Answer } from "./send-draft.ts";

/** What would tell a stranger how the server is built: stack frames, files, libraries. */
export const INTERNALS = /\n\s+at |node_modules|\.(?:ts|js|lua):\d|RedisError|ioredis|zod|evalsha|WRONGTYPE|NOSCRIPT/i;

const MOST_MESSAGE_CHARS = 4_000;
/** From HTTP itself, for every route: no such target, method or expectation, headers that are too long. */
const ofEveryRoute = [400, 404, 405, 413, 417, 431];

interface ErrorBody {
  message: string;
  type: string;
  code: string;
  param: string | null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isText = (value: unknown) => typeof value === "string" && value !== "";
const keysOf = (value: object) => Object.keys(value).toSorted().join();

/** OpenAI's form, or Anthropic's, which has no code and no param. */
function isErrorBody(value: unknown): value is { error: Pick<ErrorBody, "message"> } {
  if (typeof value !== "object" || value === null || !("error" in value)) return false;
  const { error } = value;
  if (typeof error !== "object" || error === null) return false;
  const { message, type, code, param } = error as Record<string, unknown>;
  if (keysOf(value) === "error,request_id,type") return keysOf(error) === "message,type" && [message, type].every(isText);
  if (keysOf(value) !== "error" || keysOf(error) !== "code,message,param,type") return false;
  return [message, type, code].every(isText) && (param === null || typeof param === "string");
}

/** What is wrong with an answer that refuses; null when it is as documented. */
function faultOfRefusal({ headers, text }: Answer, isHead: boolean): string | null {
  if (headers["content-type"] !== "application/json; charset=utf-8") return `is of type ${headers["content-type"]}`;
  if (!/^[\w=-]{1,128}$/.test(headers["x-request-id"] ?? "")) return "has no request id";
  if (isHead) return null;
  const body = parse(text);
  if (!isErrorBody(body)) return "has no body in the form of errors";
  if (INTERNALS.test(text)) return "tells how the server is built";
  if (body.error.message.length > MOST_MESSAGE_CHARS) return "has a message that is too long";
  return null;
}

/** What is wrong with an answer to a request that may be anything; null when nothing is. */
export function faultOf(draft: Draft, operation: Operation | null, answer: Answer): string | null {
  if (answer.status < 200 || answer.status >= 500) return `is a ${answer.status}`;
  if (answer.status >= 400) {
    const fault = faultOfRefusal(answer, draft.method === "HEAD");
    if (fault !== null) return fault;
  }
  const known = [...(operation?.statuses ?? []), ...ofEveryRoute];
  if (draft.isAddressed && !known.includes(answer.status)) return `is a ${answer.status}, which the document does not list`;
  return null;
}

import type { LogLevel } from "@llamero/core";
import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import { currentCall } from "./tracing/current-call.ts";
import { parseTraceparent } from "./tracing/traceparent.ts";

export type { Logger } from "pino";

/** Fields that carry a secret or a user's text. They never reach a log, at the top or inside one or two objects. */
const redactedFields = [
  "key",
  "api_key",
  "apiKey",
  "secret",
  "password",
  "authorization",
  "prompt",
  "messages",
  "input",
  "output",
] as const;
const redactedPaths = redactedFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LoggerOptions {
  /** The process: `api`, `worker`, … */
  readonly name: string;
  readonly level: LogLevel;
  /** Default: stdout. */
  readonly destination?: DestinationStream;
}

/** A logger's children, which have levels of their own, as far as they are still in use. */
const families = new WeakMap<Logger, Set<WeakRef<Logger>>>();

/** What ties a line to the call that it was written for. */
function ofCurrentCall(): Record<string, string> {
  const call = currentCall();
  if (call === undefined) return {};
  const traceId = parseTraceparent(call.traceparent)?.traceId;
  return {
    ...(traceId === undefined ? {} : { trace_id: traceId }),
    ...(call.requestId === undefined ? {} : { request_id: call.requestId }),
  };
}

/** A logger that writes one JSON object per line, with secrets and prompts left out. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const family = new Set<WeakRef<Logger>>();
  const options = {
    name,
    level,
    onChild: (child: Logger) => void family.add(new WeakRef(child)),
    redact: { paths: redactedPaths, censor: "[redacted]" },
    serializers: { err: describeError },
    mixin: ofCurrentCall,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      bindings: ({ name, pid }: Record<string, unknown>) => ({ name, pid }),
    },
  };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  families.set(logger, family);
  return logger;
}

/** Changes what a logger that `createLogger` made, and all its children, write from now on. */
export function setLogLevel(logger: Logger, level: LogLevel): void {
  logger.level = level;
  const family = families.get(logger) ?? new Set();
  for (const reference of family) {
    const child = reference.deref();
    if (child === undefined) family.delete(reference);
    else child.level = level;
  }
}

/**
 * What an error may say in a log: its message, code, stack and causes. Not its other fields: a Redis client's error carries the
 * arguments of the failed command, and those are prompts and outputs.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { type, stack } = stdSerializers.err(error);
  return { type, message: error.message, ...("code" in error ? { code: error.code } : {}), stack };
}

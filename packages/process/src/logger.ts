import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import type { LogLevel } from "./settings.ts";

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

/** A logger that writes one JSON object per line, with secrets and prompts left out. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    redact: { paths: redactedPaths, censor: "[redacted]" },
    serializers: { err: describeError },
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      bindings: ({ name, pid }: Record<string, unknown>) => ({ name, pid }),
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
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

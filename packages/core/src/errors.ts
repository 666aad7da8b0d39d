/**
 * Every error that crosses a package border, as a closed table.
 *
 * `kind` says whose move is next: `request` = the caller changes the request, `state` = the thing asked for is not there or
 * not in that state, `capacity` = try again later, `attempt` = a run of a job failed, `startup` = the operator changes
 * something, `internal` = a defect.
 * `retryable` is the one place that decides whether another attempt at the same thing can succeed.
 */
const table = {
  invalid_json: { kind: "request", retryable: false },
  invalid_request: { kind: "request", retryable: false },
  unknown_parameter: { kind: "request", retryable: false },
  unsupported_schema: { kind: "request", retryable: false },
  unsupported_capability: { kind: "request", retryable: false },
  invalid_cursor: { kind: "request", retryable: false },
  context_length_exceeded: { kind: "request", retryable: false },
  payload_too_large: { kind: "request", retryable: false },
  unsupported_media_type: { kind: "request", retryable: false },
  refused_by_hook: { kind: "request", retryable: false },
  unauthorized: { kind: "request", retryable: false },
  insufficient_scope: { kind: "request", retryable: false },
  forbidden_host: { kind: "request", retryable: false },
  model_not_found: { kind: "state", retryable: false },
  job_not_found: { kind: "state", retryable: false },
  response_not_found: { kind: "state", retryable: false },
  key_not_found: { kind: "state", retryable: false },
  settings_version_not_found: { kind: "state", retryable: false },
  settings_changed: { kind: "state", retryable: false },
  webhook_endpoint_not_found: { kind: "state", retryable: false },
  delivery_not_found: { kind: "state", retryable: false },
  file_not_found: { kind: "state", retryable: false },
  file_in_use: { kind: "state", retryable: false },
  batch_not_found: { kind: "state", retryable: false },
  schedule_not_found: { kind: "state", retryable: false },
  worker_not_found: { kind: "state", retryable: false },
  too_many_schedules: { kind: "state", retryable: false },
  batch_not_ended: { kind: "state", retryable: false },
  storage_object_missing: { kind: "state", retryable: false },
  route_not_found: { kind: "state", retryable: false },
  method_not_allowed: { kind: "state", retryable: false },
  answer_timeout: { kind: "state", retryable: false },
  answer_cancelled: { kind: "state", retryable: false },
  key_revoked: { kind: "state", retryable: false },
  idempotency_conflict: { kind: "state", retryable: false },
  job_not_finished: { kind: "state", retryable: false },
  webhook_endpoint_disabled: { kind: "state", retryable: false },
  too_many_webhook_endpoints: { kind: "state", retryable: false },
  delivery_pending: { kind: "state", retryable: false },
  rate_limited: { kind: "capacity", retryable: true },
  backlog_full: { kind: "capacity", retryable: true },
  deadline_unreachable: { kind: "capacity", retryable: true },
  no_models: { kind: "capacity", retryable: true },
  api_stopping: { kind: "capacity", retryable: true },
  redis_unavailable: { kind: "capacity", retryable: true },
  storage_unavailable: { kind: "capacity", retryable: true },
  storage_full: { kind: "capacity", retryable: true },
  redis_memory_full: { kind: "capacity", retryable: true },
  engine_crashed: { kind: "attempt", retryable: true },
  engine_failed: { kind: "attempt", retryable: true },
  engine_restarted: { kind: "attempt", retryable: true },
  backend_unavailable: { kind: "attempt", retryable: true },
  backend_failed: { kind: "attempt", retryable: true },
  backend_diverged: { kind: "attempt", retryable: true },
  backend_refused: { kind: "attempt", retryable: false },
  worker_lost: { kind: "attempt", retryable: true },
  hook_failed: { kind: "attempt", retryable: false },
  model_changed: { kind: "attempt", retryable: false },
  cancelled: { kind: "attempt", retryable: false },
  deadline_exceeded: { kind: "attempt", retryable: false },
  config_invalid: { kind: "startup", retryable: false },
  port_in_use: { kind: "startup", retryable: false },
  data_dir_in_use: { kind: "startup", retryable: false },
  redis_start_failed: { kind: "startup", retryable: false },
  model_file_invalid: { kind: "startup", retryable: false },
  model_too_large: { kind: "startup", retryable: false },
  model_download_failed: { kind: "startup", retryable: true },
  gpu_unavailable: { kind: "startup", retryable: false },
  internal_error: { kind: "internal", retryable: false },
} as const satisfies Record<string, { kind: ErrorKind; retryable: boolean }>;

export type ErrorKind = "request" | "state" | "capacity" | "attempt" | "startup" | "internal";
export type ErrorCode = keyof typeof table;

export const errorCodes = Object.keys(table) as ErrorCode[];

export interface AppErrorOptions {
  param?: string | null;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An error with a code from the table and a message that tells the reader what to do next. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  /** The request field at fault, dotted (`params.temperature`); null when there is none. */
  readonly param: string | null;
  /** When another try makes sense; null where nobody knows. */
  readonly retryAfterSeconds: number | null;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  get kind(): ErrorKind {
    return table[this.code].kind;
  }

  get retryable(): boolean {
    return table[this.code].retryable;
  }
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(table, value);
}

/** Wraps what is not an AppError, keeping it as the cause; the new message never repeats the foreign one. */
export function toAppError(error: unknown, code: ErrorCode, message: string): AppError {
  return error instanceof AppError ? error : new AppError(code, message, { cause: error });
}

import { Code } from "@connectrpc/connect";
import { AppError, type ErrorCode, type ErrorKind } from "@llamero/core";

/** The status of an error by whose move is next. */
const byKind: Record<ErrorKind, Code> = {
  request: Code.InvalidArgument,
  state: Code.FailedPrecondition,
  capacity: Code.Unavailable,
  attempt: Code.Internal,
  startup: Code.Internal,
  internal: Code.Internal,
};

/** Those that a status says more about. */
const exceptions: Partial<Record<ErrorCode, Code>> = {
  unauthorized: Code.Unauthenticated,
  insufficient_scope: Code.PermissionDenied,
  forbidden_host: Code.PermissionDenied,
  payload_too_large: Code.ResourceExhausted,
  model_not_found: Code.NotFound,
  job_not_found: Code.NotFound,
  response_not_found: Code.NotFound,
  key_not_found: Code.NotFound,
  settings_version_not_found: Code.NotFound,
  webhook_endpoint_not_found: Code.NotFound,
  delivery_not_found: Code.NotFound,
  file_not_found: Code.NotFound,
  batch_not_found: Code.NotFound,
  schedule_not_found: Code.NotFound,
  worker_not_found: Code.NotFound,
  storage_object_missing: Code.NotFound,
  route_not_found: Code.Unimplemented,
  method_not_allowed: Code.Unimplemented,
  answer_timeout: Code.DeadlineExceeded,
  answer_cancelled: Code.Canceled,
  idempotency_conflict: Code.AlreadyExists,
  settings_changed: Code.Aborted,
  too_many_schedules: Code.ResourceExhausted,
  too_many_webhook_endpoints: Code.ResourceExhausted,
  // Clients try again by themselves on Unavailable, at once: not where a limit says when.
  rate_limited: Code.ResourceExhausted,
  backlog_full: Code.ResourceExhausted,
  deadline_unreachable: Code.ResourceExhausted,
};

/** Error code → status of gRPC: the only place where the two meet. */
export function grpcCode(code: ErrorCode): Code {
  return exceptions[code] ?? byKind[new AppError(code, "").kind];
}

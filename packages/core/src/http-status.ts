import type { ErrorCode } from "./errors.ts";

/** Error code → HTTP status: the only place where the two meet. */
const statuses: Record<ErrorCode, number> = {
  invalid_json: 400,
  invalid_request: 400,
  unknown_parameter: 400,
  unsupported_schema: 400,
  unsupported_capability: 400,
  invalid_cursor: 400,
  context_length_exceeded: 400,
  refused_by_hook: 400,
  unauthorized: 401,
  insufficient_scope: 403,
  forbidden_host: 403,
  model_not_found: 404,
  job_not_found: 404,
  response_not_found: 404,
  key_not_found: 404,
  settings_version_not_found: 404,
  webhook_endpoint_not_found: 404,
  delivery_not_found: 404,
  file_not_found: 404,
  batch_not_found: 404,
  schedule_not_found: 404,
  worker_not_found: 404,
  too_many_schedules: 409,
  storage_object_missing: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  answer_timeout: 408,
  answer_cancelled: 409,
  key_revoked: 409,
  settings_changed: 409,
  file_in_use: 409,
  batch_not_ended: 409,
  idempotency_conflict: 409,
  job_not_finished: 409,
  webhook_endpoint_disabled: 409,
  too_many_webhook_endpoints: 409,
  delivery_pending: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  backlog_full: 429,
  deadline_unreachable: 429,
  no_models: 503,
  api_stopping: 503,
  redis_unavailable: 503,
  redis_memory_full: 503,
  storage_unavailable: 503,
  storage_full: 503,
  engine_crashed: 500,
  engine_failed: 500,
  engine_restarted: 500,
  backend_unavailable: 500,
  backend_failed: 500,
  backend_diverged: 500,
  backend_refused: 500,
  worker_lost: 500,
  hook_failed: 502,
  model_changed: 500,
  cancelled: 500,
  deadline_exceeded: 500,
  config_invalid: 500,
  port_in_use: 500,
  data_dir_in_use: 500,
  redis_start_failed: 500,
  model_file_invalid: 500,
  model_too_large: 500,
  model_download_failed: 500,
  gpu_unavailable: 500,
  internal_error: 500,
};

export const httpStatus = (code: ErrorCode): number => statuses[code];

/** OpenAI's `error.type` of a status. */
export function errorType(status: number): string {
  if (status === 401 || status === 403) return "authentication_error";
  if (status === 404) return "not_found_error";
  if (status === 408) return "timeout_error";
  if (status === 409) return "conflict_error";
  if (status === 429) return "rate_limit_error";
  if (status === 503) return "unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

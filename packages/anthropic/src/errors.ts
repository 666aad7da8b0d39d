import { z } from "zod";

export const errorSchema = z
  .object({
    type: z.literal("error"),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string().nullable(),
  })
  .meta({ id: "AnthropicError", description: "What went wrong, in Anthropic's form." });
export type ErrorBody = z.infer<typeof errorSchema>;

const types: Record<number, string> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
};

/** Anthropic's type of an error with a status. */
export const errorType = (status: number): string => types[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");

export function errorBody(status: number, message: string, requestId: string | null = null): ErrorBody {
  return { type: "error", error: { type: errorType(status), message }, request_id: requestId };
}

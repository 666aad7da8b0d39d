import { during, readTraceparent, type Tracing } from "@llamero/process";
import type { Context, MiddlewareHandler } from "hono";
import { operationOf } from "./observe-calls.ts";

/** What asks all the time whether the process is well. */
const WATCHED = new Set(["/livez", "/readyz", "/metrics"]);

/** The trace that a call belongs to: what it makes is a part of it, and log lines name it. */
function calling(c: Context, traceparent: string | null) {
  return { traceparent, requestId: c.get("requestId") as string };
}

/** Begins a span for each call, in the trace that its client has begun or in one of its own. */
export function traceCalls(tracing: Tracing): MiddlewareHandler {
  return async (c, next) => {
    const parent = readTraceparent(c.req.header("traceparent"));
    if (!tracing.isOn || WATCHED.has(c.req.path)) return during(calling(c, parent), next);
    const span = tracing.start(c.req.method, { kind: "server", parent, attributes: { "http.request.method": c.req.method } });
    await during(calling(c, span.traceparent), next);
    const { status } = c.res;
    const attributes = { "llamero.operation": operationOf(c), "http.response.status_code": status };
    span.end(attributes, status >= 500 ? String(status) : null);
  };
}

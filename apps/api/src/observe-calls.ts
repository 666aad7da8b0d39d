import type { Metrics } from "@llamero/process";
import type { Context, MiddlewareHandler } from "hono";

const operations = new WeakMap<Context, string>();

/** Says which operation a call is of; without that it is of none. */
export function nameOperation(c: Context, operationId: string): void {
  operations.set(c, operationId);
}

export function operationOf(c: Context): string {
  return operations.get(c) ?? "none";
}

/** Counts the calls and the time until their answers begin. */
export function observeCalls(metrics: Metrics): MiddlewareHandler {
  let inFlight = 0;
  metrics.onCollect(() => metrics.set("llamero_http_requests_in_flight", {}, inFlight));
  return async (c, next) => {
    const startedAtMs = performance.now();
    inFlight++;
    try {
      await next();
    } finally {
      inFlight--;
      const operation = operationOf(c);
      metrics.count("llamero_http_requests_total", { operation, status: String(c.res.status) });
      metrics.observe("llamero_http_request_duration_seconds", { operation }, (performance.now() - startedAtMs) / 1_000);
    }
  };
}

import type { Tracing } from "@llamero/process";
import type { EndedAttempt } from "./job-runner.ts";
import { resultOf } from "./metrics.ts";

/** What took less is not worth a line in a trace. */
const LEAST_MS = 0.1;

/**
 * Tells of an attempt that has ended what took its time: the queue, a slot, the prompt, the completion. From its figures, once it has: while
 * it runs it has nothing to do with it.
 */
export function traceAttempt(tracing: Tracing, workerId: string, ended: EndedAttempt): void {
  const { model, claim, ending, tookMs } = ended;
  const { trace, jobId, attempt, queueMs } = claim;
  if (!tracing.isOn || trace === null) return;
  const endMs = Date.now();
  const startMs = endMs - tookMs;
  const attributes = { "llamero.job_id": jobId, "llamero.model": model, "llamero.attempt": attempt };
  if (attempt === 1) tracing.start("queue", { parent: trace, attributes, startMs: startMs - queueMs }).end({}, null, startMs);
  const span = tracing.start("attempt", {
    kind: "consumer",
    parent: trace,
    attributes: { ...attributes, "llamero.worker_id": workerId, "llamero.class": claim.priority },
    startMs,
  });
  const output = ending !== null && "result" in ending ? ending.result : null;
  let atMs = startMs;
  const part = (name: string, ms: number | null | undefined) => {
    if (ms === null || ms === undefined || ms < LEAST_MS) return;
    tracing.start(name, { parent: span.traceparent, startMs: atMs }).end({}, null, atMs + ms);
    atMs += ms;
  };
  const timings = output?.timings;
  if (timings !== undefined) {
    part("slot", (timings.queue_ms ?? 0) - queueMs);
    part("prefill", timings.prefill_ms);
    part("decode", timings.generate_ms);
  }
  const usage = output?.usage;
  const error = ending?.status === "failed" ? ending.error.code : null;
  span.end(
    {
      "llamero.result": resultOf(ended),
      "llamero.prompt_tokens": usage?.prompt_tokens,
      "llamero.cached_tokens": usage?.cached_tokens,
      "llamero.completion_tokens": usage?.completion_tokens,
    },
    error,
    endMs,
  );
}

import type { Consumer } from "@llamero/queue";
import type { JobRunner } from "./job-runner.ts";

/** The part of the stop time that running jobs may use to end by themselves; the rest hands back what did not. */
const DRAIN_SHARE = 0.6;

/** Stops intake, lets running jobs end until the time is up, hands the rest back, and closes the consumers. */
export async function drain(consumers: readonly Consumer[], runner: JobRunner, stopMs: number): Promise<void> {
  await Promise.all(consumers.map((consumer) => consumer.pause()));
  const timer = setTimeout(() => runner.handBack(), stopMs * DRAIN_SHARE);
  await Promise.all(consumers.map((consumer) => consumer.close()));
  clearTimeout(timer);
}

import { AppError, type Job, type KeyLimits, refuseDeadline } from "@llamero/core";
import type { AcceptResult, FedJob, NewJob } from "@llamero/store";
import { rateHeaders } from "./rate-headers.ts";
import type { Services } from "./route.ts";
import { jobNotFound } from "./wait-for-job.ts";

/**
 * Adds carriers for jobs that a script has fed. The jobs are committed: a failure here delays them until the sweeper
 * finds them, and must not fail the request.
 */
export async function addCarriers(
  { carriers, logger }: Pick<Services, "carriers" | "logger">,
  fed: readonly FedJob[],
): Promise<void> {
  await carriers.add(fed).catch((error: unknown) => logger.warn({ err: error }, "carriers not added; the sweeper adds them"));
}

/** A job that is committed, or was before, and what its key may still do, for the answer. */
export interface Enqueued {
  job: Job;
  headers: Record<string, string>;
}

/**
 * Accepts a job and sends it on its way.
 * @throws AppError `idempotency_conflict`, `backlog_full`, `rate_limited`, `redis_memory_full`, `invalid_request`
 */
export async function enqueue(services: Services, { job, model }: { job: NewJob; model: string }): Promise<Enqueued> {
  const { store, memory } = services;
  memory.requireRoom();
  const result = await store.accept(job, model);
  if (result.outcome === "full") {
    const text = `Too many jobs wait for ${model}. Try again in ${result.retryAfterSeconds} s, when there may be room.`;
    throw new AppError("backlog_full", text, { retryAfterSeconds: result.retryAfterSeconds });
  }
  if (result.outcome === "limited") throw limited(result, job.key?.limits ?? {});
  if (result.outcome === "unfit") refuseDeadline();
  if (result.outcome === "conflict")
    throw new AppError("idempotency_conflict", `This Idempotency-Key was used with another body, for job ${result.id}.`, {
      param: "Idempotency-Key",
    });
  if (result.outcome === "accepted") {
    await addCarriers(services, result.fed);
    return { job: result.job, headers: rateHeaders(job.key?.limits ?? {}, result.left) };
  }
  const existing = await store.getJob({ id: result.id, owner: job.owner });
  if (existing === null) throw jobNotFound(result.id);
  return { job: existing, headers: {} };
}

function limited({ limit, retryAfterSeconds }: Extract<AcceptResult, { outcome: "limited" }>, limits: KeyLimits): AppError {
  const texts = {
    requests: `This key may submit ${limits.requests_per_minute} jobs a minute.`,
    tokens: `This key may submit ${limits.tokens_per_minute} tokens a minute, of prompts and expected completions.`,
    waiting: `This key may have ${limits.max_waiting} jobs waiting, and has.`,
  };
  return new AppError("rate_limited", `${texts[limit]} Try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}

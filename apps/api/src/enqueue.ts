import { AppError, deadlineRefusal, type Job, type KeyLimits } from "@llamero/core";
import { currentCall } from "@llamero/process";
import { addCarriers } from "@llamero/queue";
import type { AcceptResult, NewJob } from "@llamero/store";
import { RateLimited } from "./http-errors.ts";
import { idempotencyConflict } from "./idempotency.ts";
import { rateHeaders } from "./rate-headers.ts";
import type { Services } from "./route.ts";
import { jobNotFound } from "./wait-for-job.ts";

/** A job that is committed, or was before, and what its key may still do, for the answer. */
export interface Enqueued {
  job: Job;
  headers: Record<string, string>;
}

/**
 * Accepts a job and sends it on its way.
 * @throws AppError `idempotency_conflict`, `backlog_full`, `deadline_unreachable`, `rate_limited`, `redis_memory_full`,
 * `invalid_request`
 */
export async function enqueue(services: Services, { job, model }: { job: NewJob; model: string }): Promise<Enqueued> {
  const { store, memory, settings } = services;
  memory.requireRoom();
  // What a key has no limit of its own for is as the settings say.
  const limits = { ...settings.current.key_limits, ...job.key?.limits };
  const key = job.key ? { id: job.key.id, limits } : null;
  const result = await store.accept({ ...job, key, trace: currentCall()?.traceparent ?? null }, model);
  if (result.outcome === "accepted") {
    await addCarriers(services, result.fed);
    return { job: result.job, headers: rateHeaders(limits, result.left) };
  }
  if (result.outcome !== "duplicate") throw refusal(result, { model, limits, nowMs: services.now() });
  const existing = await store.getJob({ id: result.id, owner: job.owner });
  if (existing === null) throw jobNotFound(result.id);
  return { job: existing, headers: {} };
}

type Refused = Exclude<AcceptResult, { outcome: "accepted" } | { outcome: "duplicate" }>;

function refusal(result: Refused, about: { model: string; limits: KeyLimits; nowMs: number }): AppError {
  switch (result.outcome) {
    case "full": {
      const { retryAfterSeconds } = result;
      const text = `Too many jobs wait for ${about.model}. Try again in ${retryAfterSeconds} s, when there may be room.`;
      return new AppError("backlog_full", text, { retryAfterSeconds });
    }
    case "limited":
      return limited(result, about.limits);
    case "late":
      return late(result, about);
    case "unfit":
      return deadlineRefusal();
    case "conflict":
      return idempotencyConflict(`job ${result.id}`);
  }
}

function limited({ limit, retryAfterSeconds, left }: Extract<AcceptResult, { outcome: "limited" }>, limits: KeyLimits): AppError {
  const texts = {
    requests: `This key may submit ${limits.requests_per_minute} jobs a minute.`,
    tokens: `This key may submit ${limits.tokens_per_minute} tokens a minute, of prompts and expected completions.`,
    waiting: `This key may have ${limits.max_waiting} jobs waiting, and has.`,
  };
  return new RateLimited(`${texts[limit]} Try again in ${retryAfterSeconds} s.`, retryAfterSeconds, rateHeaders(limits, left));
}

/** A client that waits so long before it tries again finds that the same time is enough, if no more has come. */
function late(
  { startsMs, endsMs }: Extract<AcceptResult, { outcome: "late" }>,
  { model, nowMs }: { model: string; nowMs: number },
): AppError {
  const waits = `So much waits for ${model} that this job would start in about ${Math.ceil(startsMs / 1_000)} s`;
  const earliest = `the earliest deadline that can be met is ${new Date(nowMs + endsMs).toISOString()}, deadline_ms ${endsMs}`;
  return new AppError("deadline_unreachable", `${waits}; ${earliest}.`, {
    param: "deadline_ms",
    retryAfterSeconds: Math.max(1, Math.ceil(startsMs / 1_000)),
  });
}

import { AppError, type Job } from "@llamero/core";
import type { FedJob, NewJob } from "@llamero/store";
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

/**
 * Accepts a job and sends it on its way.
 * @throws AppError `idempotency_conflict`
 */
export async function enqueue(services: Services, { job, model }: { job: NewJob; model: string }): Promise<Job> {
  const { store } = services;
  const result = await store.accept(job, model);
  if (result.outcome === "conflict")
    throw new AppError("idempotency_conflict", `This Idempotency-Key was used with another body, for job ${result.id}.`, {
      param: "Idempotency-Key",
    });
  if (result.outcome === "accepted") {
    await addCarriers(services, result.fed);
    return result.job;
  }
  const existing = await store.getJob({ id: result.id, owner: job.owner });
  if (existing === null) throw jobNotFound(result.id);
  return existing;
}

import type { Job } from "@llamero/core";
import { addCarriers } from "@llamero/queue";
import type { Services } from "./route.ts";
import { jobNotFound, waitForJob } from "./wait-for-job.ts";

/** How long a worker has to end a job with its text and usage before the job is ended without it, in milliseconds. */
const ACKNOWLEDGE_MS = 1_800;

/**
 * Cancels a job of an owner and gives it as it has ended, within 2 seconds; one that has ended already as it is.
 * @throws AppError `job_not_found`
 */
export async function endJob(services: Services, reference: { id: string; owner: string }): Promise<Job> {
  const result = await services.store.cancel(reference);
  if (result.outcome === "gone") throw jobNotFound(reference.id);
  if (result.outcome === "cancelled") await addCarriers(services, result.fed);
  // Not ended early when the client goes: the worker keeps its time, and the job is ended all the same.
  const job = await waitForJob(services, reference, { waitMs: result.outcome === "requested" ? ACKNOWLEDGE_MS : 0 });
  if (job.finished_at !== null) return job;
  const forced = await services.store.cancel(reference, true);
  if (forced.outcome === "cancelled") await addCarriers(services, forced.fed);
  return waitForJob(services, reference, { waitMs: 0 });
}

import { type JobRecord, type NewJob, priorityOf } from "@llamero/store";
import { type Enqueued, enqueue } from "./enqueue.ts";
import type { Services } from "./route.ts";

export interface RetryOptions {
  /** Gives the job that runs it again already, where there is one, instead of another. Default: false. */
  isOnlyRetry?: boolean;
  /** What it was asked with. */
  key: NewJob["key"];
}

/**
 * Submits the request of a job that has ended as a new job.
 * @throws AppError as `enqueue`
 */
export async function retry(
  services: Services,
  record: JobRecord,
  { isOnlyRetry = false, key }: RetryOptions,
): Promise<Enqueued> {
  return enqueue(services, {
    model: await services.store.modelName(record.slug),
    job: {
      id: services.newJobId(),
      owner: record.owner,
      slug: record.slug,
      request: record.request,
      runAtMs: null,
      deadlineMs: null,
      idempotency: null,
      metadata: Object.keys(record.metadata).length === 0 ? null : record.metadata,
      retryOf: record.id,
      priority: priorityOf(record),
      isOnlyRetry,
      key: key ?? null,
      webhook: record.hook,
    },
  });
}

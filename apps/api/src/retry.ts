import type { Job } from "@llamero/core";
import type { JobRecord } from "@llamero/store";
import { enqueue } from "./enqueue.ts";
import type { Services } from "./route.ts";

export interface RetryOptions {
  /** Gives the job that runs it again already, where there is one, instead of another. Default: false. */
  isOnlyRetry?: boolean;
}

/**
 * Submits the request of a job that has ended as a new job.
 * @throws AppError as `enqueue`
 */
export async function retry(services: Services, record: JobRecord, { isOnlyRetry = false }: RetryOptions = {}): Promise<Job> {
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
      isOnlyRetry,
      webhook: record.hook,
    },
  });
}

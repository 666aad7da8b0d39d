import { AppError, isTerminal, type Job, shorten } from "@llamero/core";
import type { Services } from "./route.ts";

/** Longest wait that one request may ask for, in seconds: below the idle timeouts of common proxies. */
export const MAX_WAIT_SECONDS = 60;

export function jobNotFound(id: string): AppError {
  return new AppError("job_not_found", `There is no job ${shorten(id)}.`, { param: "id" });
}

/**
 * The job as it is when it has ended or the wait is over. A Redis that goes away during the wait and comes back before its
 * end is not noticed.
 * @throws AppError `job_not_found`; `redis_unavailable` when the last reading failed
 */
export async function waitForJob(
  { store, notifications }: Pick<Services, "store" | "notifications">,
  reference: { id: string; owner: string },
  options: { waitMs: number; signal?: AbortSignal },
): Promise<Job> {
  const read = () => store.getJob(reference);
  const job = options.waitMs === 0 ? await read() : await watch(read, notifications, reference.id, options);
  if (job === null) throw jobNotFound(reference.id);
  return job;
}

async function watch(
  read: () => Promise<Job | null>,
  notifications: Services["notifications"],
  id: string,
  options: { waitMs: number; signal?: AbortSignal },
): Promise<Job | null> {
  let hasRead = false;
  // A first reading that fails says that Redis was away when the request came: that is answered at once.
  const tolerant = async (): Promise<Job | AppError | null> => {
    try {
      const job = await read();
      hasRead = true;
      return job;
    } catch (error) {
      if (hasRead && error instanceof AppError && error.retryable) return error;
      throw error;
    }
  };
  const done = (value: Job | AppError | null) => value === null || (!(value instanceof AppError) && isTerminal(value.status));
  const value = await notifications.until(id, { ...options, read: tolerant, done, wakeOn: "end" });
  if (value instanceof AppError) throw value;
  return value;
}

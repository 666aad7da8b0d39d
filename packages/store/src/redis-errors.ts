import { AppError } from "@llamero/core";

const outOfMemory = /^OOM |maxmemory/;
const refusesWrites = /^MISCONF /;
/** The latter two are said of what a script calls, by Redis 7.0 and by later ones. */
const forbidden = /^NOPERM |The user executing the script can't|ACL failure in script/;
const unavailable = [
  /Connection is closed|aborted due to connection close/,
  /Stream isn't writeable/,
  /max retries per request/i,
  /Command timed out/,
  /^LOADING /,
  /^READONLY /,
  /^MASTERDOWN /,
  /^NOREPLICAS /,
  // A blocking read on a server that becomes a replica.
  /^UNBLOCKED /,
  // A node of a cluster that has the slot no more, or gives it away, or has lost touch with the others.
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /,
  /ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT/,
];

/** Wraps what ioredis throws; a Redis that is away or full is the caller's cue to try again. */
export function redisError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (outOfMemory.test(message))
    return new AppError("redis_memory_full", "Redis has reached its memory limit; try again later.", { cause: error });
  if (refusesWrites.test(message))
    return new AppError("redis_unavailable", "Redis cannot write to its disk; free some space or see its log.", { cause: error });
  if (unavailable.some((pattern) => pattern.test(message)))
    return new AppError("redis_unavailable", "Redis does not answer; try again in a moment.", { cause: error });
  if (forbidden.test(message)) {
    const text = `Redis does not let this user do what is needed (${message}).`;
    return new AppError("config_invalid", `${text} docs/operations.md has the rights.`, { cause: error });
  }
  return new AppError("internal_error", "The job store refused a command.", { cause: error });
}

/** Runs a Redis operation with its errors wrapped. */
export async function guarded<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw redisError(error);
  }
}

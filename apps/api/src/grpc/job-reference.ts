import { isJobId } from "../params.ts";
import { ownerToRead } from "../read-as.ts";
import type { Services } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";
import type { GrpcCall } from "./calls.ts";

export interface JobReference {
  id: string;
  owner: string;
}

/** A job of the caller's. @throws AppError `job_not_found` for what is no id of one */
export function ownJob({ caller }: GrpcCall, id: string): JobReference {
  if (!isJobId(id)) throw jobNotFound(id);
  return { id, owner: caller.owner };
}

/**
 * A job to read, which may be another owner's.
 * @throws AppError as `ownJob` and `ownerToRead`
 */
export function jobToRead(
  { caller, method }: GrpcCall,
  { logger }: Pick<Services, "logger">,
  { id, owner: asked }: { id: string; owner?: string | undefined },
): JobReference {
  const owner = ownerToRead(caller, asked);
  const by = caller.key?.id ?? caller.owner;
  if (owner !== caller.owner) logger.info({ by, owner, operation: method }, "read of another owner");
  if (!isJobId(id)) throw jobNotFound(id);
  return { id, owner };
}

import type { JobStatus } from "@llamero/core";
import { type FedJob, readFed } from "./fed-job.ts";
import type { RunScript } from "./scripts.ts";

export type CancelResult =
  | { outcome: "cancelled"; fed: FedJob[] }
  /** The job runs; its worker has been asked to stop. */
  | { outcome: "requested" }
  | { outcome: "terminal"; status: JobStatus }
  | { outcome: "gone" };

/**
 * Cancels an owner's job.
 * @param force ends a running job now, with what its stream holds, without waiting for its worker
 */
export async function cancel(run: RunScript, job: { id: string; owner: string }, force = false): Promise<CancelResult> {
  const reply = (await run("cancel", [job.id, job.owner, force ? "1" : ""])) as [string, ...unknown[]];
  switch (reply[0]) {
    case "cancelled":
      return { outcome: "cancelled", fed: readFed(reply, 1) };
    case "terminal":
      return { outcome: "terminal", status: reply[1] as JobStatus };
    case "requested":
      return { outcome: "requested" };
    default:
      return { outcome: "gone" };
  }
}

/** `in_batch`: it goes when its batch has written its line. */
export type RemoveResult = { outcome: "removed" | "gone" | "in_batch" } | { outcome: "unfinished"; status: JobStatus };

/** Deletes a finished job with everything that belongs to it. */
export async function remove(run: RunScript, job: { id: string; owner: string }): Promise<RemoveResult> {
  const reply = String(await run("remove", [job.id, job.owner]));
  if (reply === "removed" || reply === "gone" || reply === "in_batch") return { outcome: reply };
  return { outcome: "unfinished", status: reply as JobStatus };
}

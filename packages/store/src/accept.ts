import type { JobRequest } from "@llamero/core";
import { type FedJob, readFed } from "./fed-job.ts";
import type { RunScript } from "./scripts.ts";

export interface NewJob {
  id: string;
  owner: string;
  slug: string;
  request: JobRequest;
  /** Not before, milliseconds since the epoch. */
  runAtMs: number | null;
  /** Milliseconds from now until the job expires. */
  deadlineMs: number | null;
  /** `key`: digest of the caller's Idempotency-Key; `bodyHash`: digest of the body it came with. No spaces in either. */
  idempotency: { key: string; bodyHash: string } | null;
  metadata: Record<string, string> | null;
  retryOf: string | null;
}

export type AcceptResult =
  | { outcome: "accepted"; fed: FedJob[] }
  /** `duplicate`: this very request was accepted before, as `id`; `conflict`: the key was used with another body. */
  | { outcome: "duplicate" | "conflict"; id: string };

/** Commits a job: when this resolves, it is stored, indexed and waiting, and survives the caller's death. */
export async function accept(run: RunScript, job: NewJob): Promise<AcceptResult> {
  const reply = (await run("accept", [
    job.id,
    job.owner,
    job.slug,
    job.request.type,
    JSON.stringify(job.request),
    job.runAtMs ?? "",
    job.deadlineMs ?? "",
    job.idempotency?.key ?? "",
    job.idempotency?.bodyHash ?? "",
    job.metadata === null ? "" : JSON.stringify(job.metadata),
    job.retryOf ?? "",
  ])) as ["accepted" | "duplicate" | "conflict", ...unknown[]];
  const [outcome] = reply;
  return outcome === "accepted" ? { outcome, fed: readFed(reply, 1) } : { outcome, id: String(reply[1]) };
}

import { type JobStatus, retryPolicy } from "@llamero/core";

/** One job of the reference: what the store must know about it, in the simplest form. */
export interface ReferenceJob {
  id: string;
  owner: string;
  slug: string;
  status: JobStatus | "removed";
  isFed: boolean;
  run: number;
  fence: number;
  attempts: number;
  lost: number;
  chunks: number;
  /** Chunks that were there when the latest attempt began. */
  resumedFrom: number;
  stop: "cancelled" | "deadline" | null;
  /** Its deadline or its scheduled time has been moved into the past. */
  isLate: boolean;
  supersedeKey: string | null;
  /** Those with the same one wait for each other; null: it asks for what nobody else does. */
  group: string | null;
  /** The key of what it asks for. */
  reuseKey: string | null;
  /** Of its group, it is the one that is computed. */
  leads: boolean;
  /** It waits for that one. */
  isTwin: boolean;
}

export const ended = (job: ReferenceJob) => ["succeeded", "failed", "cancelled", "expired"].includes(job.status);

function end(job: ReferenceJob, status: JobStatus): void {
  Object.assign(job, { status, isFed: false, fence: job.fence + 1 });
}

function endStopped(job: ReferenceJob, stop: "cancelled" | "deadline"): void {
  end(job, stop === "deadline" ? "expired" : "cancelled");
}

/** The state machine said a second time, without Redis: each function changes the job and says what the store must answer. */
export const reference = {
  claim(job: ReferenceJob, run: number, hasVariant: boolean): string {
    if (job.status === "removed") return "gone";
    if (ended(job)) return "terminal";
    if (job.run !== run || run === 0 || !job.isFed) return "stale";
    if (job.status === "running" && job.stop !== null) {
      endStopped(job, job.stop);
      return "terminal";
    }
    if (job.status === "running") job.lost = job.chunks > job.resumedFrom ? 0 : job.lost + 1;
    if (job.lost >= retryPolicy.worker_lost.limit) {
      end(job, "failed");
      return "exhausted";
    }
    if (!hasVariant) {
      if (job.status === "running") job.fence++;
      Object.assign(job, { status: "queued", isFed: false });
      return "elsewhere";
    }
    Object.assign(job, { status: "running", fence: job.fence + 1, attempts: job.attempts + 1, resumedFrom: job.chunks });
    return "claimed";
  },

  append(job: ReferenceJob, fence: number, k: number): string {
    if (job.status === "removed") return "gone";
    if (job.status !== "running" || fence !== job.fence) return "fenced";
    if (k !== job.chunks + 1) return "ordinal";
    job.chunks++;
    return "appended";
  },

  finish(job: ReferenceJob, fence: number, status: "queued" | "succeeded" | "failed" | "cancelled" | "expired"): string {
    if (job.status === "removed") return "gone";
    if (job.status !== "running" || fence !== job.fence) return "fenced";
    if (status === "queued" && job.stop !== null) endStopped(job, job.stop);
    else if (status === "queued") Object.assign(job, { status, isFed: false, fence: job.fence + 1 });
    else end(job, status);
    return "finished";
  },

  cancel(job: ReferenceJob, owner: string, force: boolean): string {
    if (job.status === "removed" || owner !== job.owner) return "gone";
    if (ended(job)) return "terminal";
    if (job.status === "running" && !force) {
      job.stop ??= "cancelled";
      return "requested";
    }
    end(job, "cancelled");
    return "cancelled";
  },

  /** A newer one has taken its place. */
  supersede(job: ReferenceJob): void {
    if (job.status === "running") job.stop ??= "cancelled";
    else if (job.status === "scheduled" || job.status === "queued") end(job, "cancelled");
  },

  remove(job: ReferenceJob, owner: string): string {
    if (job.status === "removed" || owner !== job.owner) return "gone";
    if (!ended(job)) return "unfinished";
    job.status = "removed";
    return "removed";
  },

  /** A sweep finds a scheduled job due. @returns whether it is */
  fallDue(job: ReferenceJob): boolean {
    const isDue = job.status === "scheduled" && job.isLate;
    if (isDue) Object.assign(job, { status: "queued", isLate: false });
    return isDue;
  },

  /** @param actual the status after the sweep: a stop may or may not have outlived its grace by then */
  sweep(job: ReferenceJob, actual: string | null): void {
    if (job.status === "running" && job.stop !== null && actual !== "running") endStopped(job, job.stop);
    else if (job.status === "running" && job.isLate) Object.assign(job, { stop: job.stop ?? "deadline", isLate: false });
    else if (job.status === "queued" && job.isLate) end(job, "expired");
  },
};

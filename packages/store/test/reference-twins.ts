import { ended, type ReferenceJob } from "./reference.ts";

/** Who waits for whom, and what has been answered, said a second time without Redis. */
export class ReferenceTwins {
  readonly #jobs: readonly ReferenceJob[];
  readonly #answers = new Set<string>();
  /** Twins in the order in which they could first run. */
  #waiting: ReferenceJob[] = [];
  /** Those that were scheduled, all for the same time, after that of all others. */
  readonly #scheduled = new Set<ReferenceJob>();
  readonly #left = new Set<ReferenceJob>();

  constructor(jobs: readonly ReferenceJob[]) {
    this.#jobs = jobs;
  }

  /** A job may run from now on. @returns what becomes of it */
  arrive(job: ReferenceJob, wasScheduled = false): "hit" | "twin" | "leader" | "alone" {
    if (job.reuseKey === null) return "alone";
    if (this.#answers.has(job.reuseKey)) {
      job.status = "succeeded";
      this.#left.add(job);
      return "hit";
    }
    const leader = this.#jobs.find((other) => other !== job && other.leads && other.group === job.group && other.stop === null);
    if (leader !== undefined) {
      job.isTwin = true;
      if (wasScheduled) this.#scheduled.add(job);
      this.#waiting = [...this.#waiting, job].sort(
        (a, b) => Number(this.#scheduled.has(a)) - Number(this.#scheduled.has(b)) || (a.id < b.id ? -1 : 1),
      );
      return "twin";
    }
    for (const other of this.#jobs) if (other.group === job.group) other.leads = false;
    job.leads = true;
    return "leader";
  }

  /** To be called of each job that may have ended. @param isKept its answer is kept */
  leave(job: ReferenceJob, isKept = false): void {
    if (!ended(job) || this.#left.has(job)) return;
    this.#left.add(job);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    job.isTwin = false;
    const hasLed = job.leads;
    const twins = this.#waiting.filter(({ group }) => group !== null && group === job.group);
    job.leads = false;
    if (job.status === "succeeded") {
      if (isKept && job.reuseKey !== null) this.#answers.add(job.reuseKey);
      for (const twin of twins) {
        Object.assign(twin, { status: "succeeded", isTwin: false });
        this.#left.add(twin);
      }
      this.#waiting = this.#waiting.filter((other) => !twins.includes(other));
      return;
    }
    const [next] = twins;
    if (!hasLed || next === undefined) return;
    Object.assign(next, { leads: true, isTwin: false });
    this.#waiting = this.#waiting.filter((other) => other !== next);
  }

  forget(): void {
    this.#answers.clear();
  }
}

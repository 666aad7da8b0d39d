import { type Carrier, carrierId, type Runtime, runsAlone, type StopReason } from "@llamero/core";
import { during, type LoadedHooks, type Logger } from "@llamero/process";
import type { CarrierOutcome, Carriers } from "@llamero/queue";
import type { Claim, Ending, Store } from "@llamero/store";
import { Admission } from "./admission.ts";
import { Attempt } from "./attempt.ts";
import type { EngineHost } from "./engine-host.ts";
import { keepTrying } from "./keep-trying.ts";

/** Before it pulls again, a worker leaves a job to another one for as long as it has been left by now; in milliseconds, from and to. */
const LEFT_MS = { least: 1, most: 32 };

export interface EndedAttempt {
  model: string;
  claim: Claim;
  /** Null: the job was taken over. */
  ending: Ending | null;
  /** Milliseconds from its claim on. */
  tookMs: number;
}

export interface JobRunnerOptions {
  /** What it runs jobs of. */
  model: string;
  /** Names of its variants by their slugs. */
  variants: ReadonlyMap<string, string>;
  store: Store;
  carriers: Carriers;
  engine: Pick<EngineHost, "current" | "runtime" | "watch">;
  workerId: string;
  afterFinish: LoadedHooks["afterFinish"];
  /** For how long sessions are kept in slots, in milliseconds; null: jobs are taken as they come (`ClaimOptions`). */
  keptMs: number | null;
  logger: Logger;
  /** Told of each attempt that has ended. */
  onEnded: (ended: EndedAttempt) => void;
  /** Told at once whether carriers are welcome; while they are not, those that come are put back. */
  onIntake: (isOpen: boolean) => void;
}

/** Takes carriers through claim, attempt and finish; knows what is running, so that it can be stopped. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #admission: Admission;
  /** By the job's id. */
  readonly #running = new Map<string, Running>();
  readonly #handingBack = new AbortController();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#admission = new Admission(options.onIntake);
    options.engine.watch((isUp) => this.#admission.setEngineUp(isUp));
  }

  /** Whether carriers are welcome. */
  get isOpen(): boolean {
    return this.#admission.isOpen;
  }

  /** Takes no more jobs for now; those in hand go on. */
  setDrained(isDrained: boolean): void {
    this.#admission.setDrained(isDrained);
  }

  /** Handles one carrier to its end. Resolves also when no job was to be run. */
  async handle(carrier: Carrier): Promise<CarrierOutcome> {
    if (await this.#goesOn(carrier)) return "done";
    const { engine } = this.#options;
    const runtime = engine.current;
    // Not before the engine is there and open to it: a claimed job counts as running.
    if (runtime === null || this.#handingBack.signal.aborted || !this.#admission.enter()) return "put_back";
    const place = { leave: () => this.#admission.leave() };
    try {
      return await this.#claimAndRun(carrier, runtime, place);
    } finally {
      place.leave();
    }
  }

  /** Stops a running job, if it runs here. */
  stop(jobId: string, reason: StopReason): void {
    this.#running.get(jobId)?.attempt.stop(reason);
  }

  /** The lock of a carrier that is handled here is lost. */
  lockLost(carrier: Carrier): void {
    this.#runningBy(carrier)?.attempt.lockLost();
  }

  /** Puts everything that still runs back into its queue. */
  handBack(): void {
    this.#handingBack.abort();
    for (const { attempt } of this.#running.values()) attempt.stop("handback");
  }

  /**
   * A carrier may come for a job that runs here: its lock was lost, and nobody else has taken it. The attempt goes on, under this
   * carrier's lock.
   * @returns whether that is so, when what it has to write is written
   */
  async #goesOn(carrier: Carrier): Promise<boolean> {
    const running = this.#runningBy(carrier);
    if (running === undefined || !(await this.#options.store.isHeld(running.claim))) return false;
    this.#options.logger.info({ job_id: running.claim.jobId }, "the job's lock was lost; its attempt goes on");
    await running.written;
    return true;
  }

  /** The attempt that runs here under a carrier, which need not be named after its job. */
  #runningBy(carrier: Carrier): Running | undefined {
    const id = carrierId(carrier);
    return [...this.#running.values()].find((running) => running.carrierId === id);
  }

  async #claimAndRun(carrier: Carrier, runtime: Runtime, place: Place): Promise<CarrierOutcome> {
    const { store, carriers, workerId, variants, keptMs, logger } = this.#options;
    const claimed = await store.claim(carrier, workerId, { variants: [...variants.keys()], keptMs });
    if (claimed.outcome === "left") return { leftForMs: Math.min(Math.max(LEFT_MS.least, claimed.leftMs), LEFT_MS.most) };
    if (claimed.outcome !== "claimed") {
      logger.debug({ job_id: carrier.job_id, reason: claimed.outcome }, "carrier without work");
      await carriers.add(claimed.fed);
      return "done";
    }
    return during({ traceparent: claimed.claim.trace }, () => this.#runClaimed(carrier, claimed.claim, runtime, place));
  }

  async #runClaimed(carrier: Carrier, claim: Claim, runtime: Runtime, place: Place): Promise<CarrierOutcome> {
    const { store, variants, afterFinish, logger } = this.#options;
    const model = variants.get(claim.slug) ?? this.#options.model;
    const alone = runsAlone(claim.counts);
    const engine = alone ? (signal: AbortSignal) => this.#engineAlone(signal, place) : async () => runtime;
    const onWaiting = () => this.#makeRoomFor(claim);
    const attempt = new Attempt({ store, engine, claim, model, afterFinish, logger, onWaiting });
    // It has been elsewhere since this worker had it: what the earlier attempt would write is refused.
    this.#running.get(claim.jobId)?.attempt.stop("fenced");
    logger.debug(
      { job_id: claim.jobId, attempt: claim.attempt, alone, resumed_from: claim.emitted.tokens.length },
      "job started",
    );
    const running: Running = {
      carrierId: carrierId(carrier),
      claim,
      attempt,
      written: this.#runAndWrite(model, claim, attempt),
    };
    this.#running.set(claim.jobId, running);
    if (this.#handingBack.signal.aborted) attempt.stop("handback");
    await running.written.finally(() => {
      if (this.#running.get(claim.jobId) === running) this.#running.delete(claim.jobId);
    });
    return "done";
  }

  /** All slots are taken: an urgent job gets that of a job of class `low`, of the one that has made least of those that still may lose it. */
  #makeRoomFor({ priority, slug, jobId }: Claim): void {
    if (priority !== "high") return;
    const mayYield = ({ claim, attempt }: Running) => attempt.hasSlot && claim.mayYield && claim.slug === slug;
    const [yielding] = [...this.#running.values()]
      .filter(mayYield)
      .toSorted((a, b) => a.attempt.madeTokens - b.attempt.madeTokens);
    if (yielding === undefined) return;
    this.#options.logger.debug({ job_id: yielding.claim.jobId, for: jobId }, "job gives its slot to an urgent one");
    yielding.attempt.stop("preempted");
  }

  async #runAndWrite(model: string, claim: Claim, attempt: Attempt): Promise<void> {
    const startedAtMs = performance.now();
    const ending = await attempt.run();
    this.#options.onEnded({ model, claim, ending, tookMs: performance.now() - startedAtMs });
    if (ending !== null) return this.#finish(model, claim, ending);
    this.#options.logger.info({ job_id: claim.jobId, model }, "job was taken over; nothing more is written");
  }

  /** Waits until the others are through; the place becomes the whole engine. */
  async #engineAlone(signal: AbortSignal, place: Place): Promise<Runtime | null> {
    place.leave = () => {};
    if (!(await this.#admission.becomeAlone(signal))) return null;
    place.leave = () => this.#admission.leaveAlone();
    // An engine that is closed instead of replaced: this worker is stopping.
    const runtime = this.#options.engine.runtime().catch(() => null);
    return unlessAborted(runtime, signal);
  }

  async #finish(model: string, claim: Claim, ending: Ending): Promise<void> {
    const { store, carriers, logger } = this.#options;
    const result = await keepTrying(() => store.finish(claim, ending), this.#handingBack.signal);
    const why =
      ending.status === "failed" ? { error: ending.error.code } : "countsAs" in ending ? { counts_as: ending.countsAs } : {};
    logger.info({ job_id: claim.jobId, model, status: ending.status, ...why, written: result.outcome }, `job ${ending.status}`);
    if (result.outcome === "finished") await carriers.add(result.fed);
  }
}

interface Running {
  /** Under whose lock it runs. */
  carrierId: string;
  claim: Claim;
  attempt: Attempt;
  /** Settles when the attempt has ended and its ending is stored. */
  written: Promise<void>;
}

/** What a handler holds of the engine. */
interface Place {
  leave: () => void;
}

/** Null when the signal comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const aborted = Promise.withResolvers<null>();
  const abort = () => aborted.resolve(null);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

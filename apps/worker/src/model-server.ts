import { type AppError, type Carrier, modelSlug, type Runtime, type StopReason } from "@llamero/core";
import type { EngineRuntime } from "@llamero/engine";
import type { LoadedHooks, Logger } from "@llamero/process";
import { type CarrierOutcome, type Carriers, Consumer, type ConsumerOptions, lanes } from "@llamero/queue";
import type { Store } from "@llamero/store";
import { EngineHost } from "./engine-host.ts";
import { JobRunner, type JobRunnerOptions } from "./job-runner.ts";

/**
 * Carriers in hand beyond the slots, as a share of them: a freed slot starts its next job with the next step, instead of standing empty
 * until one has been pulled and claimed. On two cores, 100M parameters and 16 slots the whole path makes 0.97 of what the engine
 * alone makes, without it 0.88 (`npm run bench -- engine`).
 */
const IN_HAND_SHARE = 1 / 8;
/** With variants: a context runs one at a time, and fills better the more jobs there are to choose from. */
const IN_HAND_SHARE_OF_VARIANTS = 1;

/** What runs a model: an engine on this machine, which takes memory, or another server. */
export type ModelRuntime = Runtime & Partial<Pick<EngineRuntime, "footprints" | "stats">>;

/** Starts what runs a model; `onExit` is called when it ends by itself; the signal ends the start. */
export type StartEngine = (onExit: (error: AppError) => void, signal: AbortSignal) => Promise<ModelRuntime>;

export interface ModelServerOptions {
  name: string;
  /** Names of its variants by their slugs. */
  variants: ReadonlyMap<string, string>;
  start: StartEngine;
  store: Store;
  carriers: Carriers;
  /** What consumers pull over. */
  pulls: ConsumerOptions["connection"];
  workerId: string;
  afterFinish: LoadedHooks["afterFinish"];
  /** For how long sessions are kept in slots, in milliseconds; null: jobs are taken as they come. */
  keptMs: number | null;
  logger: Logger;
  /** An attempt has ended. */
  onEnded: JobRunnerOptions["onEnded"];
  /** The engine has gone or come back. */
  onChange: () => void;
  /** Nothing is in hand any more. */
  onIdle: () => void;
  /** A crashed engine could not be replaced: nothing runs here any more. */
  onGivenUp: (error: AppError) => void;
  /** The consumer has ended by itself, which it never should. */
  onFailure: (error: unknown) => void;
}

/** A model in memory: its engine, its consumer and the jobs that it runs. */
export class ModelServer {
  readonly #options: ModelServerOptions;
  readonly #host: EngineHost<ModelRuntime>;
  readonly #runner: JobRunner;
  #consumers: readonly Consumer[] = [];
  #inHand = 0;
  #lastUsedAtMs = performance.now();

  /** Starts the engine at once. */
  constructor(options: ModelServerOptions) {
    const { name, variants, start, store, carriers, workerId, keptMs, afterFinish, logger, onGivenUp } = options;
    this.#options = options;
    this.#host = new EngineHost({ start, logger: logger.child({ model: name }), onGivenUp });
    this.#runner = new JobRunner({
      model: name,
      variants,
      store,
      carriers,
      engine: this.#host,
      workerId,
      afterFinish,
      keptMs,
      logger,
      onEnded: options.onEnded,
      onIntake: (isOpen) => {
        for (const consumer of this.#consumers)
          if (isOpen) consumer.release();
          else consumer.hold();
        options.onChange();
      },
    });
  }

  /** The running engine; null while it is being started or replaced. */
  get engine(): ModelRuntime | null {
    return this.#host.current;
  }

  /** Carriers taken and not given back. */
  get inHand(): number {
    return this.#inHand;
  }

  get lastUsedAtMs(): number {
    return this.#lastUsedAtMs;
  }

  /** Resolves when the engine has loaded the model. @throws AppError what its start throws */
  loaded(): Promise<ModelRuntime> {
    return this.#host.runtime();
  }

  /** Begins to take jobs. */
  open(slots: number): void {
    const { name, variants, store, pulls, logger, onFailure } = this.#options;
    const share = variants.size === 0 ? IN_HAND_SHARE : IN_HAND_SHARE_OF_VARIANTS;
    // Urgent ones are taken however many others are in hand: there are at most as many as slots.
    const concurrency = { urgent: slots, steady: slots + Math.ceil(slots * share) };
    this.#consumers = lanes.map(
      (lane) =>
        new Consumer({
          connection: pulls,
          keys: store.keys,
          slug: modelSlug(name),
          lane,
          concurrency: concurrency[lane],
          handle: (carrier) => this.#handle(carrier),
          onLockLost: (carrier) => this.#runner.lockLost(carrier),
          onError: (error) => logger.warn({ err: error, model: name }, "queue consumer"),
        }),
    );
    for (const consumer of this.#consumers) {
      if (!this.#runner.isOpen) consumer.hold();
      consumer.start(onFailure);
    }
  }

  /** Takes no more jobs for now; those in hand go on. */
  setDrained(isDrained: boolean): void {
    this.#runner.setDrained(isDrained);
  }

  /** Stops a running job, if it runs here. */
  stop(jobId: string, reason: StopReason): void {
    this.#runner.stop(jobId, reason);
  }

  /** Takes no more jobs; those in hand go on. */
  async pause(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.pause()));
  }

  /** Puts what still runs back into its queue. */
  handBack(): void {
    this.#runner.handBack();
  }

  /** Takes no more jobs, waits for those in hand, and ends the engine, which gives all its memory back. Legal to call twice. */
  async close(): Promise<void> {
    try {
      await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    } finally {
      await this.#host.close();
    }
  }

  async #handle(carrier: Carrier): Promise<CarrierOutcome> {
    this.#inHand++;
    this.#lastUsedAtMs = performance.now();
    try {
      return await this.#runner.handle(carrier);
    } finally {
      this.#inHand--;
      this.#lastUsedAtMs = performance.now();
      if (this.#inHand === 0) this.#options.onIdle();
    }
  }
}

import type { StopReason } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Backlog, Store } from "@llamero/store";
import { decidePlacement } from "./decide-placement.ts";
import type { PlacedModel } from "./placed-model.ts";

/** How often the backlogs are looked at while a model is not loaded, in milliseconds; give or take, so that workers differ. */
const LOOK_MS = 500;
const LOOK_SPREAD_MS = 200;
/** At the start nobody has asked yet. */
const NOTHING: Backlog = { waitingMs: null, isElsewhere: false };
/** The part of the stop time that running jobs may use to end by themselves; the rest hands back what did not. */
const DRAIN_SHARE = 0.6;

export interface ModelPlacementOptions {
  /** May change while it runs. */
  models: readonly PlacedModel[];
  budgetBytes: number;
  workerId: string;
  store: Pick<Store, "backlogs">;
  logger: Logger;
  /** A model was loaded after the start: its facts are what came out, not what was expected. */
  onLoaded: () => void;
}

/** Decides which of a worker's models are in memory, by the jobs that wait; while all are, there is nothing to decide. */
export class ModelPlacement {
  readonly #options: ModelPlacementOptions;
  #wakeUp = Promise.withResolvers<void>();
  #isStopped = false;
  #isDrained = false;
  #loop: Promise<void> | null = null;

  constructor(options: ModelPlacementOptions) {
    this.#options = options;
  }

  /** Loads what fits, in the order of the models, and opens it to jobs then. @throws AppError why a model could not be loaded */
  async fill(): Promise<void> {
    const next = () => (this.#isStopped ? null : this.#decide(() => NOTHING));
    for (let step = next(); step !== null; step = next()) await step.model.load();
    for (const model of this.#options.models) model.open();
  }

  /** From now on follows the backlogs. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something has changed that a decision may follow from. */
  wake(): void {
    this.#wakeUp.resolve();
  }

  /** Takes no more jobs for now, and loads nothing. */
  setDrained(isDrained: boolean): void {
    this.#isDrained = isDrained;
    for (const model of this.#options.models) model.setDrained(isDrained);
    this.wake();
  }

  stop(jobId: string, reason: StopReason): void {
    for (const model of this.#options.models) model.stop(jobId, reason);
  }

  /** Stops intake, lets running jobs end until the time is up, hands the rest back, and ends the engines. */
  async close(stopMs: number): Promise<void> {
    const { models } = this.#options;
    this.#isStopped = true;
    this.wake();
    await Promise.all(models.map((model) => model.pause()));
    const handBack = () => {
      for (const model of models) model.handBack();
    };
    const timer = setTimeout(handBack, stopMs * DRAIN_SHARE);
    await Promise.all(models.map((model) => model.close()));
    clearTimeout(timer);
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#pause();
      try {
        while (await this.#step());
      } catch (error) {
        this.#options.logger.warn({ err: error }, "placing models failed; the next look follows");
      }
    }
  }

  /** Until there may be something to decide. */
  async #pause(): Promise<void> {
    const timer = this.#isComplete()
      ? undefined
      : setTimeout(() => this.wake(), LOOK_MS + (Math.random() - 0.5) * LOOK_SPREAD_MS);
    await this.#wakeUp.promise;
    clearTimeout(timer);
    this.#wakeUp = Promise.withResolvers();
  }

  #isComplete(): boolean {
    return this.#options.models.every(({ state }) => state === "ready" || state === "loading");
  }

  /** One decision. @returns whether another may follow at once */
  async #step(): Promise<boolean> {
    if (this.#isStopped || this.#isDrained || this.#isComplete()) return false;
    const { models, workerId, store, logger } = this.#options;
    const backlogs = await store.backlogs(
      workerId,
      models.map(({ slug }) => slug),
    );
    if (this.#isStopped) return false;
    const step = this.#decide(({ slug }) => backlogs.get(slug) ?? NOTHING);
    this.#expect(step);
    if (step === null) return false;
    const { model, isToLoad } = step;
    logger.info({ model: model.name }, isToLoad ? `loading ${model.name}` : `unloading ${model.name}`);
    if (isToLoad) await this.#load(model);
    else void model.unload();
    return true;
  }

  /** Lets the other workers know whom room is made for, until it has been made. */
  #expect(step: Step | null): void {
    const { models } = this.#options;
    if (step === null && models.some(({ state }) => state === "draining")) return;
    for (const model of models) model.expect(model.name === step?.toMakeRoomFor);
  }

  async #load(model: PlacedModel): Promise<void> {
    try {
      await model.load();
    } catch {
      // The model itself has said why, and when it may be tried again.
      return;
    }
    model.open();
    this.#options.onLoaded();
  }

  #decide(backlog: (model: PlacedModel) => Backlog): Step | null {
    const { models, budgetBytes } = this.#options;
    const views = models.map((model) => model.view(backlog(model)));
    const placing = decidePlacement(views, budgetBytes, performance.now());
    if (placing === null) return null;
    const isToLoad = "load" in placing;
    const name = isToLoad ? placing.load : placing.unload;
    const model = models.find((candidate) => candidate.name === name);
    return model === undefined ? null : { model, isToLoad, toMakeRoomFor: isToLoad ? null : placing.toMakeRoomFor };
  }
}

interface Step {
  model: PlacedModel;
  isToLoad: boolean;
  toMakeRoomFor: string | null;
}

import { AppError } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Store, WorkerWish } from "@llamero/store";
import type { ModelPlacement } from "./model-placement.ts";
import type { PlacedModel } from "./placed-model.ts";
import type { Serving, Startable } from "./served-models.ts";

export interface WishesOptions {
  store: Pick<Store, "readWish">;
  workerId: string;
  /** What the worker serves: changed in place. */
  models: PlacedModel[];
  placement: Pick<ModelPlacement, "setDrained" | "wake">;
  /** Finds out what specs name. @throws AppError as `servedModels` */
  survey: (specs: readonly string[]) => Promise<Serving>;
  place: (startable: Startable) => PlacedModel;
  announceAll: () => Promise<void>;
  logger: Logger;
}

/** Does what an administrator wants of this worker: take no jobs for now, serve other models. One change after the other. */
export class Wishes {
  readonly #options: WishesOptions;
  #isDrained = false;
  #error: string | null = null;
  /** The list that was served last, or could not be. */
  #done: readonly string[] | null = null;
  #running: Promise<void> | null = null;
  #isStale = false;
  #isStarted = false;
  #isStopped = false;

  constructor(options: WishesOptions) {
    this.#options = options;
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Why the last change of models could not be made; null: it was. */
  get error(): string | null {
    return this.#error;
  }

  /** From now on: before that the worker loads what it was started with. */
  start(): void {
    this.#isStarted = true;
    this.look();
  }

  /** There may be something new. */
  look(): void {
    if (!this.#isStarted || this.#isStopped) return;
    this.#isStale = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Legal to call twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, workerId, logger } = this.#options;
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      try {
        await this.#fulfil(await store.readWish(workerId));
      } catch (error) {
        logger.warn({ err: error }, "could not do what is wanted of this worker; it is looked at again");
      }
    }
  }

  async #fulfil({ drained, models }: WorkerWish): Promise<void> {
    const { placement, logger } = this.#options;
    if (drained !== this.#isDrained) {
      this.#isDrained = drained;
      logger.info(drained ? "drained: takes no more jobs" : "takes jobs again");
      placement.setDrained(drained);
    }
    if (models === null || isSame(models, this.#done)) return;
    this.#done = models;
    this.#error = await this.#serve(models);
  }

  /** @returns why it could not be done; null: it was */
  async #serve(specs: readonly string[]): Promise<string | null> {
    const { models, placement, survey, place, announceAll, logger } = this.#options;
    const served = new Set(models.map(({ spec }) => spec));
    const leaving = models.filter(({ spec }) => !specs.includes(spec));
    const added = specs.filter((spec) => !served.has(spec));
    logger.info({ added, removed: leaving.map(({ name }) => name) }, "the models of this worker change");
    try {
      // Before anything is given up for it.
      const found = added.length === 0 ? [] : (await survey(added)).models;
      requireOneOfEach([...models.filter((model) => !leaving.includes(model)).map(({ name }) => name), ...found.map(nameOf)]);
      await Promise.all(leaving.map((model) => model.unload()));
      for (const model of leaving) models.splice(models.indexOf(model), 1);
      models.push(...found.map((startable) => place(startable)));
      await announceAll();
      placement.wake();
      return null;
    } catch (error) {
      logger.warn({ err: error }, "the models of this worker could not be changed");
      return error instanceof AppError ? error.message : "The models could not be changed; see the worker's log.";
    }
  }
}

const nameOf = ({ served }: Startable) => served.facts.name;

function isSame(wanted: readonly string[], done: readonly string[] | null): boolean {
  return done !== null && wanted.length === done.length && wanted.every((spec, index) => spec === done[index]);
}

function requireOneOfEach(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new AppError("config_invalid", `Two of the models would be called "${twice}". Name one of them: name=model.gguf.`);
}

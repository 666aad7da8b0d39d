import { AppError, requireUniqueNames } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Store, WorkerWish } from "@llamero/store";
import type { ModelPlacement } from "./model-placement.ts";
import type { PlacedModel } from "./placed-model.ts";
import type { Serving, Startable, Wanted } from "./served-models.ts";

/** What the change of models needs of one of them. */
export type ReplaceableModel = Pick<PlacedModel, "name" | "spec" | "facts" | "variants" | "heldBytes" | "unload">;

export interface WishesOptions<Model extends ReplaceableModel = PlacedModel> {
  store: Pick<Store, "readWish">;
  workerId: string;
  /** What the worker serves: changed in place. */
  models: Model[];
  placement: Pick<ModelPlacement, "setDrained" | "wake">;
  /** Finds out what specs name. @throws AppError as `servedModels` */
  survey: (wanted: Wanted) => Promise<Serving>;
  place: (startable: Startable) => Model;
  announceAll: () => Promise<void>;
  logger: Logger;
}

/** Does what an administrator wants of this worker: take no jobs for now, serve other models. One change after the other. */
export class Wishes<Model extends ReplaceableModel = PlacedModel> {
  readonly #options: WishesOptions<Model>;
  #isDrained = false;
  #error: string | null = null;
  /** The list that was served last, or could not be. */
  #done: readonly string[] | null = null;
  #isAsked = false;
  #running: Promise<void> | null = null;
  #isStale = false;
  #isStarted = false;
  #isStopped = false;

  constructor(options: WishesOptions<Model>) {
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

  /** Somebody has asked: what could not be done before is tried once more. */
  ask(): void {
    this.#isAsked = true;
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

  /** Begins nothing more; resolves when what is under way has ended. Legal to call twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, workerId, logger } = this.#options;
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      const isAsked = this.#isAsked;
      this.#isAsked = false;
      try {
        await this.#fulfil(await store.readWish(workerId), isAsked);
      } catch (error) {
        logger.warn({ err: error }, "could not do what is wanted of this worker; it is looked at again");
      }
    }
  }

  async #fulfil({ drained, models }: WorkerWish, isAsked: boolean): Promise<void> {
    const { placement, logger } = this.#options;
    if (drained !== this.#isDrained) {
      this.#isDrained = drained;
      logger.info(drained ? "drained: takes no more jobs" : "takes jobs again");
      placement.setDrained(drained);
    }
    const isToTry = !isSame(models, this.#done) || (isAsked && this.#error !== null);
    if (models === null || !isToTry) return;
    this.#error = await this.#serve(models);
    this.#done = models;
  }

  /** @returns why it could not be done; null: it was */
  async #serve(specs: readonly string[]): Promise<string | null> {
    const { models, placement, place, announceAll, logger } = this.#options;
    const leaving = models.filter(({ spec }) => !specs.includes(spec));
    const added = specs.filter((spec) => !models.some((model) => model.spec === spec));
    logger.info({ added, removed: leaving.map(({ name }) => name) }, "the models of this worker change");
    let found: readonly Startable[];
    try {
      found = await this.#find(added, leaving);
    } catch (error) {
      logger.warn({ err: error }, "the models of this worker could not be changed");
      return error instanceof AppError ? error.message : "The models could not be changed; see the worker's log.";
    }
    await Promise.all(leaving.map((model) => this.#remove(model)));
    if (this.#isStopped) return null;
    models.push(...found.map((startable) => place(startable)));
    placement.wake();
    await announceAll();
    return null;
  }

  /** Before anything is given up for it. @throws AppError as `survey` */
  async #find(specs: readonly string[], leaving: readonly Model[]): Promise<readonly Startable[]> {
    const { models, survey } = this.#options;
    if (specs.length === 0) return [];
    const heldBytes = models.reduce((sum, model) => sum + model.heldBytes, 0);
    const found = (await survey({ specs, heldBytes })).models;
    const staying = models.filter((model) => !leaving.includes(model));
    const all = [...staying, ...found.map(({ served }) => served)];
    requireUniqueNames(all.flatMap(({ facts, variants }) => [facts, ...variants].map(({ name }) => name)));
    return found;
  }

  /** Each as soon as it has left memory: what waits for it would bring it back. */
  async #remove(model: Model): Promise<void> {
    const { models } = this.#options;
    await model.unload();
    models.splice(models.indexOf(model), 1);
  }
}

function isSame(wanted: readonly string[] | null, done: readonly string[] | null): boolean {
  return done !== null && wanted !== null && wanted.length === done.length && wanted.every((spec, index) => spec === done[index]);
}

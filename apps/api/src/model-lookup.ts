import { type Aliases, AppError, type ModelEntry, type RouteTicket } from "@llamero/core";
import { findModel, modelFinder, type Store } from "@llamero/store";

/** How long a reading of the catalogue serves, in milliseconds. */
const FRESH_MS = 1_000;

/** Finds models by name without a Redis call per request; what is not found is looked up afresh before it is refused. */
export class ModelLookup {
  readonly #store: Pick<Store, "catalogue">;
  readonly #now: () => number;
  readonly #aliases: () => Aliases | undefined;
  #entries: ModelEntry[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(store: Pick<Store, "catalogue">, now: () => number, aliases: () => Aliases | undefined = () => undefined) {
    this.#store = store;
    this.#now = now;
    this.#aliases = aliases;
  }

  /** A model by its own name. @throws AppError `model_not_found`, `no_models` */
  find(name: string | undefined): Promise<ModelEntry> {
    return this.#look(() => findModel(this.#entries, name));
  }

  /** The model that a job is to run on, which may ask for it by an alias. @throws AppError `model_not_found`, `no_models` */
  route(name: string | undefined, ticket: RouteTicket): Promise<ModelEntry> {
    return this.#look(() => modelFinder(this.#entries, this.#aliases())(name, ticket));
  }

  async #look(find: () => ModelEntry): Promise<ModelEntry> {
    if (this.#now() - this.#readAt <= FRESH_MS) {
      try {
        return find();
      } catch (error) {
        // It may have been announced a moment ago.
        if (!(error instanceof AppError)) throw error;
      }
    }
    await this.#refresh();
    return find();
  }

  /** One reading serves all requests that wait for it. */
  #refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    this.#entries = await this.#store.catalogue();
    this.#readAt = this.#now();
  }
}

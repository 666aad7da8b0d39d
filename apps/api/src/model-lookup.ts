import { type Aliases, AppError, type ModelEntry, type ModelsHealth, needsHealth, type RouteTicket } from "@llamero/core";
import { findModel, modelFinder, type Routed, type Store } from "@llamero/store";

/** How long a reading of the catalogue, and of how the models are, serves, in milliseconds. */
const FRESH_MS = 500;

/** Finds models by name without a Redis call per request; what is not found is looked up afresh before it is refused. */
export class ModelLookup {
  readonly #store: Pick<Store, "catalogue" | "modelsHealth">;
  readonly #now: () => number;
  readonly #aliases: () => Aliases | undefined;
  #entries: ModelEntry[] = [];
  #health: ModelsHealth | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(
    store: Pick<Store, "catalogue" | "modelsHealth">,
    now: () => number,
    aliases: () => Aliases | undefined = () => undefined,
  ) {
    this.#store = store;
    this.#now = now;
    this.#aliases = aliases;
  }

  /** A model by its own name. @throws AppError `model_not_found`, `no_models` */
  find(name: string | undefined): Promise<ModelEntry> {
    return this.#look(() => findModel(this.#entries, name));
  }

  /** The model that a job is to run on, which may ask for it by an alias. @throws AppError `model_not_found`, `no_models` */
  route(name: string | undefined, ticket: RouteTicket): Promise<Routed> {
    const aliases = this.#aliases() ?? {};
    const isByHealth = name !== undefined && needsHealth(aliases, name);
    return this.#look(() => modelFinder(this.#entries, aliases, this.#health)(name, ticket), isByHealth);
  }

  async #look<Found>(find: () => Found, isByHealth = false): Promise<Found> {
    const isFresh = this.#now() - this.#readAt <= FRESH_MS;
    if (isFresh && (!isByHealth || this.#health !== undefined)) {
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
    const entries = await this.#store.catalogue();
    this.#health = await this.#store.modelsHealth(entries, this.#aliases() ?? {});
    this.#entries = entries;
    this.#readAt = this.#now();
  }
}

import type { ModelEntry } from "@llamero/core";
import { findModel, type Store } from "@llamero/store";

/** How long a reading of the catalogue serves, in milliseconds. */
const FRESH_MS = 1_000;

/** Finds models by name without a Redis call per request; what is not found is looked up afresh before it is refused. */
export class ModelLookup {
  readonly #store: Pick<Store, "catalogue">;
  readonly #now: () => number;
  #entries: ModelEntry[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(store: Pick<Store, "catalogue">, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** @throws AppError `model_not_found`, `no_models` */
  async find(name: string | undefined): Promise<ModelEntry> {
    if (this.#now() - this.#readAt > FRESH_MS || !this.#knows(name)) await this.#refresh();
    return findModel(this.#entries, name);
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

  #knows(name: string | undefined): boolean {
    return name === undefined ? this.#entries.length > 0 : this.#entries.some((entry) => entry.name === name);
  }
}

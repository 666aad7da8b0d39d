/** A wake-up call for one sleeper. One that comes while nobody sleeps is kept, and any number of them are one. */
export class Hint {
  #isGiven = false;
  #isOver = false;
  #wake: (() => void) | null = null;

  readonly give = (): void => {
    this.#isGiven = true;
    this.#wake?.();
  };

  /** The last one: nobody is to sleep again. */
  end(): void {
    this.#isOver = true;
    this.give();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves at the next hint, or after `ms` without one. */
  async wait(ms: number): Promise<void> {
    if (!this.#isGiven) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
      this.#wake = null;
    }
    this.#isGiven = false;
  }
}

/**
 * Lets work on a context's state happen between batches.
 *
 * node-llama-cpp holds the context's lock from the first queued token until the queue runs dry, which under steady load is
 * never: erasing a slot's old state would wait for every other generation to end. While work is held here, generations wait
 * before they queue their next token; the queue runs dry within a step and the lock is free.
 */
export class ContextGate {
  #holders = 0;
  #opened: PromiseWithResolvers<void> | null = null;

  get closed(): boolean {
    return this.#holders > 0;
  }

  /** Runs work with the gate closed. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#holders++;
    this.#opened ??= Promise.withResolvers<void>();
    try {
      return await work();
    } finally {
      if (--this.#holders === 0) {
        this.#opened.resolve();
        this.#opened = null;
      }
    }
  }

  /** Null while the gate is open: the usual case costs no turn of the event loop. */
  opened(): Promise<void> | null {
    return this.#opened?.promise ?? null;
  }
}

/** What went wrong while closing one thing; the others were closed all the same. */
export interface CloseFailure {
  readonly name: string;
  readonly error: unknown;
}

interface Deferred {
  readonly name: string;
  readonly close: () => unknown;
}

/**
 * The things a process has opened, closed in reverse order.
 *
 * Closing twice is legal and closes once. What is deferred after closing began is closed at once, so a start that is
 * overtaken by a stop leaves nothing open.
 */
export class Lifecycle {
  readonly #deferred: Deferred[] = [];
  readonly #failures: CloseFailure[] = [];
  #closing: Promise<CloseFailure[]> | null = null;
  #current: string | null = null;

  /** Names something that is open now and says how to close it. */
  defer(name: string, close: () => unknown): void {
    if (this.#closing === null) this.#deferred.push({ name, close });
    else void this.#closeOne({ name, close });
  }

  /** What is being closed at this moment; null when nothing is. */
  get closing(): string | null {
    return this.#current;
  }

  /** Closes everything, last opened first, one after the other. Never rejects. */
  close(): Promise<CloseFailure[]> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<CloseFailure[]> {
    for (let next = this.#deferred.pop(); next !== undefined; next = this.#deferred.pop()) {
      this.#current = next.name;
      await this.#closeOne(next);
    }
    this.#current = null;
    return this.#failures;
  }

  async #closeOne({ name, close }: Deferred): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.#failures.push({ name, error });
    }
  }
}

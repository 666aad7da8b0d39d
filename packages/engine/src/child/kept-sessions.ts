interface Kept {
  session: string;
  /** On the clock that the sessions are kept by; infinite while a turn is under way. */
  untilMs: number;
}

/**
 * Which slots hold a conversation that its next turn is to find again. Of a session, the slot of its latest turn; a turn that is under
 * way keeps its slot anyway.
 */
export class KeptSessions<S> {
  readonly #keptMs: number;
  readonly #now: () => number;
  readonly #kept = new Map<S, Kept>();

  /** @param keptMs for how long after a turn, in milliseconds */
  constructor(keptMs: number, now: () => number) {
    this.#keptMs = keptMs;
    this.#now = now;
  }

  /** A task begins in a slot. */
  begin(slot: S, session: string | null): void {
    if (session === null) {
      this.#kept.delete(slot);
      return;
    }
    for (const [other, kept] of this.#kept) if (kept.session === session) this.#kept.delete(other);
    this.#kept.set(slot, { session, untilMs: Number.POSITIVE_INFINITY });
  }

  /** A slot's task has ended. */
  end(slot: S): void {
    const kept = this.#kept.get(slot);
    if (kept !== undefined) kept.untilMs = this.#now() + this.#keptMs;
  }

  /** Whether a slot is kept for another session than this one. */
  isKeptFrom(slot: S, session: string | null): boolean {
    const kept = this.#kept.get(slot);
    return kept !== undefined && kept.session !== session && kept.untilMs > this.#now();
  }
}

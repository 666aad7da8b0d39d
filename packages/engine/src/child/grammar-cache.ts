/** Grammars that are kept: more than a deployment has in use, so that callers who invent one per job do not fill the memory. */
const MOST_GRAMMARS = 256;

/**
 * Compiled grammars at their start, by text, the least recently used dropped first. A generation moves its state along, so each
 * gets a copy. Of a schema of 500 fields the compilation takes 3 ms, in which nothing decodes, a copy 5 µs.
 */
export class GrammarCache<State extends { clone(): State }> {
  readonly #most: number;
  readonly #states = new Map<string, Promise<State>>();

  constructor(most = MOST_GRAMMARS) {
    this.#most = most;
  }

  /** A state of its own for the caller. What fails to compile is compiled again the next time. */
  async state(text: string, compile: () => Promise<State>): Promise<State> {
    const compiled = this.#states.get(text) ?? this.#guard(text, compile());
    this.#states.delete(text);
    this.#states.set(text, compiled);
    if (this.#states.size > this.#most) this.#states.delete(this.#states.keys().next().value ?? "");
    return (await compiled).clone();
  }

  #guard(text: string, compiled: Promise<State>): Promise<State> {
    compiled.catch(() => {
      if (this.#states.get(text) === compiled) this.#states.delete(text);
    });
    return compiled;
  }
}

/** What a push lets out; nothing follows once `stopped`. */
interface Released {
  text: string;
  stopped: boolean;
}

/** Length of the longest end of `text` that begins `stop` without being all of it. */
export function beginningAtEnd(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}

/** Ends a text before the first of several stop texts, wherever tokens cut them; holds back what may begin one. */
export class StopText {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(text: string): Released {
    if (this.#stops.length === 0) return { text, stopped: false };
    this.#held += text;
    const found = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((index) => index >= 0);
    if (found.length > 0) return { text: this.#cut(Math.min(...found)), stopped: true };
    const hold = Math.max(...this.#stops.map((stop) => beginningAtEnd(this.#held, stop)));
    return { text: this.#cut(this.#held.length - hold), stopped: false };
  }

  /** The text held back, for an output that ended without a stop text. */
  flush(): string {
    return this.#cut(this.#held.length);
  }

  #cut(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}

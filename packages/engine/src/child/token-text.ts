/** Turns tokens into text, given the tokens before them (leading spaces depend on those). */
export type Detokenize = (tokens: number[], before: number[]) => string;

/** What the detokenizer puts where bytes are no UTF-8: in a stream, mostly a code point whose rest is still to come. */
const BROKEN_END = /\uFFFD+$/;
/** A code point has at most 4 bytes, so at most 4 byte tokens; what is broken for longer is broken for good. */
const MAX_HELD_TOKENS = 8;
/** Tokens of context that decide about leading spaces. */
const CONTEXT_TOKENS = 3;

/** Turns a stream of tokens into text that never ends inside a code point. */
export class TokenText {
  readonly #detokenize: Detokenize;
  #before: number[];
  #held: number[] = [];
  /** How much of the held tokens' text is out already. */
  #released = 0;

  constructor(detokenize: Detokenize, before: readonly number[]) {
    this.#detokenize = detokenize;
    this.#before = before.slice(-CONTEXT_TOKENS);
  }

  push(token: number): string {
    this.#held.push(token);
    const text = this.#detokenize(this.#held, this.#before);
    const whole = this.#held.length > MAX_HELD_TOKENS ? text : text.replace(BROKEN_END, "");
    const fresh = whole.slice(this.#released);
    if (whole.length === text.length) this.#settle();
    else this.#released = Math.max(this.#released, whole.length);
    return fresh;
  }

  /** The rest, with U+FFFD for bytes that never became a code point. */
  flush(): string {
    if (this.#held.length === 0) return "";
    const fresh = this.#detokenize(this.#held, this.#before).slice(this.#released);
    this.#settle();
    return fresh;
  }

  #settle(): void {
    this.#before = [...this.#before, ...this.#held].slice(-CONTEXT_TOKENS);
    this.#held = [];
    this.#released = 0;
  }
}

import { AppError } from "../errors.ts";

const LINE_BREAK = /\r\n|\r|\n/;

export function isLineBreak(character: string): boolean {
  return character === "\n" || character === "\r";
}

function isBlank(character: string): boolean {
  return character === " " || character === "\t";
}

/** The text of a grammar, read from left to right. */
export class GbnfSource {
  readonly #text: string;
  readonly #param: string;
  #position = 0;

  /** @param param what errors call the text */
  constructor(text: string, param: string) {
    this.#text = text;
    this.#param = param;
    const end = text.indexOf("\0");
    if (end !== -1) this.refuse(end, "There is a NUL character; leave it out.");
  }

  get position(): number {
    return this.#position;
  }

  /** The next character, "" at the end; of those beyond U+FFFF, which mean nothing to the language, one half. */
  get next(): string {
    return this.#text.charAt(this.#position);
  }

  isNext(text: string): boolean {
    return this.#text.startsWith(text, this.#position);
  }

  /** Takes these characters if they are next. */
  take(text: string): boolean {
    const isNext = this.isNext(text);
    if (isNext) this.#position += text.length;
    return isNext;
  }

  /** Takes characters as long as they fit. */
  takeAll(fits: (character: string) => boolean, most = Infinity): string {
    const start = this.#position;
    while (this.next !== "" && this.#position - start < most && fits(this.next)) this.#position++;
    return this.#text.slice(start, this.#position);
  }

  /** The next character, taken, as a code point; undefined at the end. */
  point(): number | undefined {
    const point = this.#text.codePointAt(this.#position);
    if (point !== undefined) this.#position += point > 0xffff ? 2 : 1;
    return point;
  }

  /** Passes blanks and comments, and the ends of lines where the language goes on in the next. */
  space(acrossLines: boolean): void {
    const isSpace = acrossLines ? (character: string) => isBlank(character) || isLineBreak(character) : isBlank;
    this.takeAll(isSpace);
    while (this.next === "#") {
      this.takeAll((character) => !isLineBreak(character));
      this.takeAll(isSpace);
    }
  }

  /** @throws AppError `invalid_request`, always, with the line and the column of the position */
  refuse(position: number, why: string): never {
    const lines = this.#text.slice(0, position).split(LINE_BREAK);
    const column = Array.from(lines.at(-1) ?? "").length + 1;
    throw new AppError("invalid_request", `${this.#param}, line ${lines.length}, column ${column}: ${why}`, {
      param: this.#param,
    });
  }
}

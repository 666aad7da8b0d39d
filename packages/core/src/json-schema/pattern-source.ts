import { charactersBetween, classEscapes, complement, unite } from "./character-sets.ts";
import { refuse } from "./refuse.ts";
import type { CodePoints } from "./shape.ts";

const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4 };

/** The text of a pattern, read from left to right. */
export class PatternSource {
  readonly #characters: readonly string[];
  readonly #at: string;
  #position = 0;

  /** @param at the path of the pattern */
  constructor(text: string, at: string) {
    this.#characters = Array.from(text);
    this.#at = at;
  }

  /** The next character; undefined at the end. */
  get next(): string | undefined {
    return this.#characters[this.#position];
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#characters.length;
  }

  /** Takes these characters if they are next. */
  take(text: string): boolean {
    const isNext = this.#characters.slice(this.#position, this.#position + text.length).join("") === text;
    if (isNext) this.#position += text.length;
    return isNext;
  }

  /** The next character, taken. */
  one(): string {
    const character = this.next;
    if (character === undefined) this.refuse("ends too early");
    this.#position++;
    return character;
  }

  /** As many digits as there are, as a number; null when there is none. */
  number(): number | null {
    let digits = "";
    while (/^\d$/.test(this.next ?? "")) digits += this.one();
    return digits === "" ? null : Number(digits);
  }

  /** Characters up to one that is taken and left out. */
  upTo(end: string): string {
    let text = "";
    for (let character = this.one(); character !== end; character = this.one()) text += character;
    return text;
  }

  refuse(why: string): never {
    refuse(this.#at, `cannot be enforced: it ${why}, at character ${this.#position + 1}.`);
  }

  /** The next character, taken, as a set. */
  oneAsSet(): readonly CodePoints[] {
    return this.#character(this.one().codePointAt(0) ?? 0);
  }

  /** What an escape stands for, its backslash being taken. */
  escape(): readonly CodePoints[] {
    const letter = this.one();
    if (Object.hasOwn(classEscapes, letter)) return classEscapes[letter] ?? [];
    const point = Object.hasOwn(controlEscapes, letter) ? controlEscapes[letter] : this.#coded(letter);
    if (point !== undefined) return this.#character(point);
    if (/^[\p{L}\p{N}]$/u.test(letter)) this.refuse(`has \\${letter}`);
    return this.#character(letter.codePointAt(0) ?? 0);
  }

  /** A character given by its number; half a one is completed by an escape behind it. */
  #coded(letter: string): number | undefined {
    if (letter === "u" && this.take("{")) return this.#hex(this.upTo("}"));
    if (!Object.hasOwn(HEX_DIGITS, letter)) return undefined;
    const point = this.#hex(Array.from({ length: HEX_DIGITS[letter] ?? 0 }, () => this.one()).join(""));
    if (point < 0xd800 || point > 0xdbff || !this.take("\\u")) return point;
    const second = this.#hex(Array.from({ length: 4 }, () => this.one()).join(""));
    return String.fromCharCode(point, second).codePointAt(0);
  }

  #hex(digits: string): number {
    if (!/^[0-9a-fA-F]{1,6}$/.test(digits)) this.refuse("has an escape that is no hexadecimal number");
    return Number.parseInt(digits, 16);
  }

  #character(point: number): CodePoints[] {
    const character = charactersBetween(point, point);
    if (character.length === 0) this.refuse("has what is no character");
    return character;
  }

  /** A class of characters, its opening bracket being taken. */
  set(): readonly CodePoints[] {
    const isNegated = this.take("^");
    const ranges: CodePoints[] = [];
    while (!this.take("]")) {
      const first = this.#member();
      const from = first[0]?.[0] ?? 0;
      const isOne = first.length === 1 && first[0]?.[1] === from;
      if (this.next !== "-" || !isOne) ranges.push(...first);
      else ranges.push(...this.#range(from));
    }
    const members = isNegated ? complement(ranges) : unite(ranges);
    if (members.length === 0) this.refuse("has a class without characters");
    return members;
  }

  /** A hyphen at the end of a class stands for itself. */
  #range(from: number): CodePoints[] {
    this.one();
    if (this.next === "]") return [...this.#character(from), ...this.#character(0x2d)];
    const last = this.#member();
    const to = last[0]?.[0] ?? 0;
    if (last.length !== 1 || last[0]?.[1] !== to || to < from) this.refuse("has a range that goes from nothing to nothing");
    return charactersBetween(from, to);
  }

  #member(): readonly CodePoints[] {
    if (this.take("[:")) this.refuse("has a class of a name");
    if (!this.take("\\")) return this.oneAsSet();
    return this.take("b") ? this.#character(8) : this.escape();
  }
}

import { type ObjectShape, type Shape, trackedCount } from "@llamero/core";
import { type GrammarRules, literal } from "./grammar-rules.ts";
import { repeat } from "./repetition.ts";

/** Expressions of the shapes within another. */
export interface Inner {
  /** A value. */
  expressionOf(shape: Shape): string;
  /** The characters of a string, without its quotes. */
  charactersOf(shape: Shape): string;
}

/** What JSON writers put behind colons and commas: a space, or nothing. */
export const space = (rules: GrammarRules) => rules.name('" "?');

/** A character of a name that is not listed: without escapes, so that it cannot be a listed name in other letters. */
const NAME_CHARACTER = '[^"\\\\\\x7F\\x00-\\x1F]';

/** The characters with which names go on, by what is behind them. */
interface NameTree {
  isName: boolean;
  next: Map<string, NameTree>;
}

function treeOf(names: readonly string[]): NameTree {
  const root: NameTree = { isName: true, next: new Map() };
  for (const name of names) {
    let node = root;
    for (const character of name) {
      const next = node.next.get(character) ?? { isName: false, next: new Map() };
      node.next.set(character, next);
      node = next;
    }
    node.isName = true;
  }
  return root;
}

/** The characters of any name that is none of some, and not empty. */
function otherName(rules: GrammarRules, names: readonly string[]): string {
  const any = rules.name(NAME_CHARACTER);
  const rest = (node: NameTree): string => {
    const options = [...node.next].map(([character, next]) => `${literal(character)} ${rest(next)}`);
    const others = [...node.next.keys()].map((character) => classCharacter(character)).join("");
    options.push(`[^"\\\\\\x7F\\x00-\\x1F${others}] ${any}*`);
    return rules.name(node.isName ? options.join(" | ") : [...options, '""'].join(" | "));
  };
  // A name with what JSON escapes cannot be written without escapes.
  return rest(treeOf(names.filter((name) => JSON.stringify(name) === `"${name}"`)));
}

function classCharacter(character: string): string {
  return `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
}

const QUOTE = '"\\""';

/** What may come at one place in an object; null: nothing that leads to a whole one. */
interface Place {
  /** Behind a value: a comma and another property, or the end. */
  behindValue: string | null;
  /** Behind the quote that begins a name. */
  inName: string | null;
}

const nowhere: Place = { behindValue: null, inName: null };

/**
 * The rules of one object: for each property, and each number of properties before it that matters, what may come there. The
 * quote that begins a name is shared by all names that may come: llama.cpp tries every token in every alternative that is open.
 */
class ObjectRules {
  readonly #rules: GrammarRules;
  readonly #shape: ObjectShape;
  /** Each property from behind its first quote on. */
  readonly #pairs: string[];
  readonly #other: string | null;
  readonly #tracked: number;
  readonly #lastRequired: number;
  /** Up to the quote of the next name. */
  readonly #comma: string;

  constructor(rules: GrammarRules, shape: ObjectShape, inner: Inner) {
    this.#rules = rules;
    this.#shape = shape;
    this.#tracked = trackedCount(shape);
    this.#lastRequired = shape.properties.findLastIndex(({ isRequired }) => isRequired);
    this.#comma = `"," ${space(rules)} ${QUOTE}`;
    this.#pairs = shape.properties.map(({ name, shape: value }) =>
      rules.name(`${literal(`${JSON.stringify(name).slice(1)}:`)} ${space(rules)} ${inner.expressionOf(value)}`),
    );
    this.#other = shape.additional === null ? null : this.#otherPair(shape.additional, inner);
  }

  #otherPair({ name, value }: NonNullable<ObjectShape["additional"]>, inner: Inner): string {
    const names = this.#shape.properties.map((property) => property.name);
    const isFree = name.kind === "string" && name.count.least === 0 && name.count.most === null;
    const characters = isFree ? otherName(this.#rules, names) : inner.charactersOf(name);
    return this.#rules.name(`${characters} "\\":" ${space(this.#rules)} ${inner.expressionOf(value)}`);
  }

  /** From the last property to the first, since each rule is made of those behind it. */
  get rule(): string {
    let behind = new Map<number, Place>();
    for (const [index, counts] of [...this.#reachable().entries()].reverse()) {
      const isEnd = index === this.#shape.properties.length;
      const made = (written: number) => (isEnd ? this.#end(written) : this.#property(index, written, behind));
      behind = new Map([...counts].map((written) => [written, made(written)]));
    }
    const { inName } = behind.get(0) ?? nowhere;
    const options = [...(inName === null ? [] : [`${QUOTE} ${inName}`]), ...(this.#mayEnd(0, 0) ? ['"}"'] : [])];
    return this.#rules.name(`"{" ${options.length === 1 ? options[0] : this.#rules.name(options.join(" | "))}`);
  }

  /** For each property, and the end, how many properties there may be before it, up to what matters. */
  #reachable(): Set<number>[] {
    const reachable = [new Set([0])];
    for (const { isRequired } of this.#shape.properties) {
      const counts = [...(reachable.at(-1) ?? [])];
      const taken = counts.filter((written) => this.#mayTake(written)).map((written) => this.#oneMore(written));
      reachable.push(new Set(isRequired ? taken : [...taken, ...counts]));
    }
    return reachable;
  }

  #mayTake(written: number): boolean {
    return written < (this.#shape.count.most ?? Infinity);
  }

  #oneMore(written: number): number {
    return Math.min(written + 1, this.#tracked);
  }

  /** Whether an object may end before a property. */
  #mayEnd(index: number, written: number): boolean {
    return written >= this.#shape.count.least && index > this.#lastRequired;
  }

  #property(index: number, written: number, behind: ReadonlyMap<number, Place>): Place {
    const after = this.#mayTake(written) ? (behind.get(this.#oneMore(written))?.behindValue ?? null) : null;
    const taken = after === null ? null : `${this.#pairs[index]} ${after}`;
    const left = this.#shape.properties[index]?.isRequired ? null : (behind.get(written)?.inName ?? null);
    const inName = taken === null || left === null ? (taken ?? left) : this.#rules.name(`${taken} | ${left}`);
    return { inName, behindValue: this.#another(inName, this.#mayEnd(index, written)) };
  }

  #another(inName: string | null, mayEnd: boolean): string | null {
    if (inName === null) return mayEnd ? '"}"' : null;
    return mayEnd ? this.#rules.name(`${this.#comma} ${inName} | "}"`) : `${this.#comma} ${inName}`;
  }

  /** Others that are not listed, and the end. Of the least number, others count as one: two of them may have one name. */
  #end(written: number): Place {
    const { least, most } = this.#shape.count;
    const left = most === null ? null : most - written;
    if (this.#other === null || left === 0) return { inName: null, behindValue: written < least ? null : '"}"' };
    if (written < least - 1) return nowhere;
    const further = this.#rules.name(`${this.#comma} ${this.#other}`);
    const more = (from: number, to: number | null) => `${repeat(this.#rules, further, { least: from, most: to })} "}"`;
    return {
      inName: this.#rules.name(`${this.#other} ${more(0, left === null ? null : left - 1)}`),
      behindValue: more(written < least ? 1 : 0, left),
    };
  }
}

/** An object: its properties in their order, without white space but a space behind colons and commas. */
export function object(rules: GrammarRules, shape: ObjectShape, inner: Inner): string {
  return new ObjectRules(rules, shape, inner).rule;
}

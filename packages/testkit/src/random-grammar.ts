import type { Random } from "./random.ts";

const names = ["root", "a", "b", "c", "d"] as const;
/** Texts and characters; those without any stand for nothing. */
const terminals = ['"a"', '"a"', '"b"', '"b"', '"ab"', '""', "[ab]", "[a-c]", "[^b]", "[]", ".", '"\\x61"', "[\\n-]"] as const;
const nothing = ['""', "[]"];
const signs = ["*", "*", "+", "?", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "{ 1 , 2 }", "{0}", "{0,3000}"] as const;
const gaps = [" ", " ", " ", "  ", "\t"] as const;
const gapsInGroups = [...gaps, "\n", "\r\n", " # why\n  "] as const;
const between = ["\n", "\n\n", "\r\n", " # why\n"] as const;
/** What a slip of the pen puts in. */
const slips = [
  '"',
  "(",
  ")",
  "[",
  "]",
  "|",
  "*",
  "{",
  "}",
  "\\",
  "::=",
  "\n",
  "_",
  "<[3]>",
  "!<[3]>",
  "<a>",
  "z",
  "-",
  "#",
] as const;

type Name = (typeof names)[number];
type Gaps = readonly [string, ...string[]];

/** Writes the parts of one rule. */
class RuleWriter {
  readonly #random: Random;
  readonly #name: Name;

  constructor(random: Random, name: Name) {
    this.#random = random;
    this.#name = name;
  }

  choice(depth: number, space: Gaps): string {
    const random = this.#random;
    let text = this.#sequence(depth, space);
    while (random.chance(0.3)) text += `${random.pick(gaps)}|${random.pick(gapsInGroups)}${this.#sequence(depth, space)}`;
    return text;
  }

  #sequence(depth: number, space: Gaps): string {
    let text = space === gapsInGroups && this.#random.chance(0.1) ? "" : this.#item(depth);
    while (this.#random.chance(0.4)) text += this.#random.pick(space) + this.#item(depth);
    return text;
  }

  #item(depth: number): string {
    const random = this.#random;
    const kind = random.next();
    const item = kind < 0.55 ? random.pick(terminals) : kind < 0.75 || depth === 0 ? this.#reference() : this.#group(depth - 1);
    const isRepeated = random.chance(nothing.includes(item) ? 0.02 : 0.25);
    return isRepeated ? item + random.pick(signs) : item;
  }

  /** Mostly one that comes later, so that it does not lead back. */
  #reference(): string {
    const [next = "root", ...others] = names.slice(names.indexOf(this.#name) + 1);
    return this.#random.chance(0.4) ? this.#random.pick(names) : this.#random.pick([next, ...others]);
  }

  #group(depth: number): string {
    const space = () => this.#random.pick(gapsInGroups);
    return `(${space()}${this.choice(depth, gapsInGroups)}${space()})`;
  }
}

function slip(random: Random, text: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + (random.chance(0.5) ? random.pick(slips) : "") + text.slice(at + random.below(2));
}

/** A small grammar: often one of use, often with left recursion of some kind, sometimes with a slip in it. */
export function randomGrammar(random: Random): string {
  let text = "";
  for (const name of names) {
    if (name !== "root" && random.chance(0.02)) continue;
    text += `${name} ::= ${new RuleWriter(random, name).choice(2, gaps)}${random.pick(between)}`;
  }
  return random.chance(0.15) ? slip(random, text) : text;
}

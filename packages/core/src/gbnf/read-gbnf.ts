import type { GbnfNode, GbnfRule } from "./gbnf-node.ts";
import { type GbnfSource, isLineBreak } from "./gbnf-source.ts";
import { readCharacters, readLiteral, readToken } from "./read-terminal.ts";

/** MAX_REPETITION_THRESHOLD in llama-grammar.cpp: `{2001}` is refused there, and `{0,2001}` is endless. */
export const MOST_REPETITIONS = 2_000;
/** Of groups, which llama.cpp reads by recursion, and of signs behind one item, whose rules it follows by recursion. */
const MAX_DEPTH = 256;
/** Counts are 64 bits wide. */
const COUNT_END = 2 ** 64;

const signs: Readonly<Record<string, readonly [least: number, most: number]>> = {
  "*": [0, Infinity],
  "+": [1, Infinity],
  "?": [0, 1],
};

/** What is meant by a character that nothing can begin with where it stands. */
const hints: Readonly<Record<string, string>> = {
  _: "Names have letters, digits and - only.",
  "'": 'Texts stand in double quotes: "text".',
  ")": "There is no ( that this ) closes.",
  ":": 'A rule begins on a line of its own; one that stands for nothing is written name ::= "".',
  "|": "A line cannot begin with |, but may end with it; between ( and ) lines end anywhere.",
};

function isWord(character: string): boolean {
  return /^[a-zA-Z0-9-]$/.test(character);
}

function isDigit(character: string): boolean {
  return /^\d$/.test(character);
}

function isNothing(node: GbnfNode): boolean {
  return (node.kind === "literal" && node.points.length === 0) || (node.kind === "repeat" && node.most === 0);
}

class Reader {
  readonly #source: GbnfSource;

  constructor(source: GbnfSource) {
    this.#source = source;
  }

  rules(): GbnfRule[] {
    const rules: GbnfRule[] = [];
    for (this.#source.space(true); this.#source.next !== ""; this.#source.space(true)) rules.push(this.#rule());
    return rules;
  }

  #unexpected(otherwise: string): never {
    const { next, position } = this.#source;
    this.#source.refuse(position, hints[next] ?? otherwise);
  }

  #rule(): GbnfRule {
    const source = this.#source;
    const at = source.position;
    const name = source.takeAll(isWord);
    if (name === "") this.#unexpected("A rule begins here: its name, of letters, digits and -, then ::= and what it stands for.");
    source.space(false);
    if (!source.take("::=")) {
      if (source.next === "_") this.#unexpected("");
      source.refuse(source.position, `::= belongs here, between the rule's name ${name.slice(0, 64)} and what it stands for.`);
    }
    source.space(true);
    const body = this.#choice(at, 0);
    if (source.next !== "" && !isLineBreak(source.next))
      this.#unexpected("This means nothing here; write texts in double quotes and the characters to choose from in [ ].");
    return { name, at, body };
  }

  #choice(at: number, depth: number): GbnfNode {
    const options = [this.#sequence(depth)];
    while (this.#source.take("|")) {
      this.#source.space(true);
      options.push(this.#sequence(depth));
    }
    return { kind: "choice", options, at };
  }

  #sequence(depth: number): GbnfNode {
    const items: GbnfNode[] = [];
    for (let item = this.#item(depth); item !== null; item = this.#item(depth)) {
      this.#source.space(depth > 0);
      items.push(this.#repeated(item, depth));
    }
    return { kind: "sequence", items };
  }

  /** Null where the sequence ends. */
  #item(depth: number): GbnfNode | null {
    const source = this.#source;
    switch (source.next) {
      case '"':
        return readLiteral(source);
      case "[":
        return readCharacters(source);
      case "<":
      case "!":
        return readToken(source);
      case "(":
        return this.#group(depth + 1);
      case ".":
        source.take(".");
        return { kind: "characters", ranges: [], isNegated: true };
      case "*":
      case "+":
      case "?":
      case "{":
        return source.refuse(source.position, `There is nothing in front of ${source.next} that it could repeat.`);
    }
    if (!isWord(source.next)) return null;
    const at = source.position;
    return { kind: "rule", name: source.takeAll(isWord), at };
  }

  #group(depth: number): GbnfNode {
    const source = this.#source;
    const at = source.position;
    if (depth > MAX_DEPTH)
      source.refuse(at, `Groups stand in one another deeper than ${MAX_DEPTH} levels; give inner ones a rule.`);
    source.take("(");
    source.space(true);
    const group = this.#choice(at, depth);
    if (source.next === "") source.refuse(at, "This ( is not closed; put ) behind the group.");
    if (!source.take(")"))
      this.#unexpected("This means nothing within a group; close it by ) before, or write texts in double quotes.");
    return group;
  }

  #repeated(item: GbnfNode, depth: number): GbnfNode {
    const source = this.#source;
    let node = item;
    for (let count = 0; source.next === "{" || source.next in signs; count++) {
      const at = source.position;
      if (isNothing(node)) source.refuse(at, "What this repeats stands for nothing; leave both out.");
      if (count === MAX_DEPTH) source.refuse(at, `More than ${MAX_DEPTH} repetitions follow one another; write one.`);
      const [least, most] = this.#times(depth > 0);
      source.space(depth > 0);
      node = { kind: "repeat", item: node, least, most, at };
    }
    return node;
  }

  #times(acrossLines: boolean): readonly [least: number, most: number] {
    const source = this.#source;
    const at = source.position;
    const sign = signs[source.next];
    if (sign !== undefined) {
      source.take(source.next);
      return sign;
    }
    source.take("{");
    source.space(acrossLines);
    const least = this.#count(acrossLines);
    const isRange = source.take(",");
    if (isRange) source.space(acrossLines);
    const most = !isRange ? least : isDigit(source.next) ? this.#count(acrossLines) : Infinity;
    if (!source.take("}")) source.refuse(source.position, "} belongs here; a repetition is written {2}, {2,} or {2,5}.");
    if (least > MOST_REPETITIONS)
      source.refuse(at, `llama.cpp repeats ${MOST_REPETITIONS} times at most here; give a part of them a rule and repeat that.`);
    if (most < least) source.refuse(at, `The second number is less than the first; write {${most},${least}}.`);
    return [least, most > MOST_REPETITIONS ? Infinity : most];
  }

  #count(acrossLines: boolean): number {
    const source = this.#source;
    const at = source.position;
    const count = source.takeAll(isDigit);
    if (count === "") source.refuse(at, "A number belongs here; a repetition is written {2}, {2,} or {2,5}.");
    if (Number(count) >= COUNT_END) source.refuse(at, "This number is too large; leave it out for as many as come.");
    source.space(acrossLines);
    return Number(count);
  }
}

/**
 * Reads a GBNF grammar as llama.cpp does (`src/llama-grammar.cpp`). Rules come in their order; of two with one name, the later
 * one holds. Whether rules are there that others name is not looked at.
 * @throws AppError `invalid_request`, with line and column
 */
export function readGbnf(source: GbnfSource): GbnfRule[] {
  return new Reader(source).rules();
}

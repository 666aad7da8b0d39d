import type { Random } from "./random.ts";

type Node =
  | { kind: "characters"; ranges: [number, number][]; isNegated: boolean }
  | { kind: "rule"; name: string }
  | { kind: "sequence"; items: Node[] }
  | { kind: "choice"; options: Node[] }
  | { kind: "repeat"; item: Node; least: number; most: number };

/** Printable characters, some beyond ASCII and beyond U+FFFF, out of which samples are made where a grammar allows any. */
const PALETTE = [..."abcxyz019 _-./:,{}[]'é日😀"].map((character) => character.codePointAt(0) ?? 0);
/** How many rules deep a sample goes before it takes the shortest way out. */
const DEPTH = 24;
const UNKNOWN = 1e9;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  rules(): Map<string, Node> {
    const rules = new Map<string, Node>();
    for (this.#space(true); this.#at < this.#text.length; this.#space(true)) {
      const name = this.#match(/[a-zA-Z0-9-]+/y) ?? this.#fail("a rule's name");
      this.#space(false);
      if (this.#match(/::=/y) === null) this.#fail("::=");
      this.#space(true);
      if (rules.has(name)) this.#fail(`a rule other than ${name}`);
      rules.set(name, this.#choice(false));
    }
    return rules;
  }

  #fail(wanted: string): never {
    throw new Error(`The grammar has no ${wanted} at ${this.#text.slice(this.#at, this.#at + 40)}`);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }

  #space(acrossLines: boolean): void {
    this.#match(acrossLines ? /[ \t\r\n]*/y : /[ \t]*/y);
  }

  #choice(isNested: boolean): Node {
    const options = [this.#sequence(isNested)];
    while (this.#match(/\|/y) !== null) {
      this.#space(true);
      options.push(this.#sequence(isNested));
    }
    return { kind: "choice", options };
  }

  #sequence(isNested: boolean): Node {
    const items: Node[] = [];
    for (let item = this.#item(); item !== null; item = this.#item()) {
      this.#space(isNested);
      items.push(this.#repeated(item));
      this.#space(isNested);
    }
    return { kind: "sequence", items };
  }

  #repeated(item: Node): Node {
    const sign = this.#match(/[*+?]|\{\d+(,\d*)?\}/y);
    if (sign === null) return item;
    const [least = 0, most = least] = sign.startsWith("{")
      ? sign
          .slice(1, -1)
          .split(",")
          .map((part) => (part === "" ? Infinity : Number(part)))
      : [sign === "+" ? 1 : 0, sign === "?" ? 1 : Infinity];
    return { kind: "repeat", item, least, most };
  }

  #item(): Node | null {
    if (this.#match(/"/y) !== null) return this.#literal();
    if (this.#match(/\[/y) !== null) return this.#characters();
    if (this.#match(/\(/y) !== null) {
      this.#space(true);
      const inner = this.#choice(true);
      return this.#match(/\)/y) === null ? this.#fail(")") : inner;
    }
    const name = this.#match(/[a-zA-Z0-9-]+/y);
    return name === null ? null : { kind: "rule", name };
  }

  #literal(): Node {
    const items: Node[] = [];
    while (this.#match(/"/y) === null) {
      const point = this.#character();
      items.push({ kind: "characters", ranges: [[point, point]], isNegated: false });
    }
    return { kind: "sequence", items };
  }

  #characters(): Node {
    const isNegated = this.#match(/\^/y) !== null;
    const ranges: [number, number][] = [];
    while (this.#match(/\]/y) === null) {
      const from = this.#character();
      ranges.push([from, this.#match(/-(?!\])/y) === null ? from : this.#character()]);
    }
    return { kind: "characters", ranges, isNegated };
  }

  #character(): number {
    const coded = this.#match(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/y);
    if (coded !== null) return Number.parseInt(coded.slice(2), 16);
    const escaped = this.#match(/\\[tnr"\\[\]-]/y);
    if (escaped !== null) return { t: 9, n: 10, r: 13 }[escaped[1] ?? ""] ?? escaped.charCodeAt(1);
    const one = this.#match(/[^\\]/uy) ?? this.#fail("character");
    return one.codePointAt(0) ?? 0;
  }
}

/** A grammar in llama.cpp's form, for tests: what texts are of it, and texts of it at random. It takes what is written there only. */
export class Gbnf {
  readonly #rules: Map<string, Node>;
  /** For each rule, how many rules deep its shortest text is. */
  readonly #heights = new Map<string, number>();

  constructor(text: string) {
    this.#rules = new Parser(text).rules();
    for (let isDone = false; !isDone; ) {
      isDone = true;
      for (const [name, node] of this.#rules) {
        const height = this.#height(node) + 1;
        if (height < (this.#heights.get(name) ?? UNKNOWN)) {
          this.#heights.set(name, height);
          isDone = false;
        }
      }
    }
  }

  get ruleCount(): number {
    return this.#rules.size;
  }

  #rule(name: string): Node {
    const node = this.#rules.get(name);
    if (node === undefined) throw new Error(`The grammar has no rule ${name}.`);
    return node;
  }

  #height(node: Node): number {
    switch (node.kind) {
      case "characters":
        return 0;
      case "rule":
        this.#rule(node.name);
        return this.#heights.get(node.name) ?? UNKNOWN;
      case "sequence":
        return Math.max(0, ...node.items.map((item) => this.#height(item)));
      case "choice":
        return Math.min(...node.options.map((option) => this.#height(option)));
      case "repeat":
        return node.least === 0 ? 0 : this.#height(node.item);
    }
  }

  /** How many characters its texts have, of a grammar that does not lead back to itself. */
  lengths(node: Node = { kind: "rule", name: "root" }): [least: number, most: number] {
    switch (node.kind) {
      case "characters":
        return [1, 1];
      case "rule":
        return this.lengths(this.#rule(node.name));
      case "sequence":
        return node.items.map((item) => this.lengths(item)).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
      case "choice": {
        const lengths = node.options.map((option) => this.lengths(option));
        return [Math.min(...lengths.map(([least]) => least)), Math.max(...lengths.map(([, most]) => most))];
      }
      case "repeat": {
        const [least, most] = this.lengths(node.item);
        return [least * node.least, most * node.most];
      }
    }
  }

  /** A text of the grammar. */
  sample(random: Random): string {
    return this.#sample({ kind: "rule", name: "root" }, random, DEPTH);
  }

  #sample(node: Node, random: Random, depth: number): string {
    switch (node.kind) {
      case "characters":
        return String.fromCodePoint(pickCharacter(node, random));
      case "rule":
        return this.#sample(this.#rule(node.name), random, depth - 1);
      case "sequence":
        return node.items.map((item) => this.#sample(item, random, depth)).join("");
      case "choice": {
        const heights = node.options.map((option) => this.#height(option));
        const fitting = node.options.filter((_, index) => (heights[index] ?? 0) <= Math.max(depth, Math.min(...heights)));
        const [first = node, ...others] = fitting;
        return this.#sample(random.pick([first, ...others]), random, depth);
      }
      case "repeat": {
        const room = depth > 0 ? Math.min(node.most - node.least, random.pick([0, 1, 2, 3, 20])) : 0;
        const count = node.least + random.below(room + 1);
        return Array.from({ length: count }, () => this.#sample(node.item, random, depth)).join("");
      }
    }
  }

  /** Whether a text is of the grammar, as a whole. */
  accepts(text: string): boolean {
    const characters = Array.from(text, (character) => character.codePointAt(0) ?? 0);
    const known = new Map<Node, Map<number, Set<number>>>();
    const ends = (node: Node, from: number): Set<number> => {
      const byStart = known.get(node) ?? new Map<number, Set<number>>();
      known.set(node, byStart);
      const found = byStart.get(from) ?? this.#ends(node, from, { characters, ends });
      byStart.set(from, found);
      return found;
    };
    return ends({ kind: "rule", name: "root" }, 0).has(characters.length);
  }

  #ends(
    node: Node,
    from: number,
    { characters, ends }: { characters: number[]; ends: (node: Node, from: number) => Set<number> },
  ) {
    switch (node.kind) {
      case "characters":
        return new Set(isOf(node, characters[from]) ? [from + 1] : []);
      case "rule":
        return ends(this.#rule(node.name), from);
      case "choice":
        return new Set(node.options.flatMap((option) => [...ends(option, from)]));
      case "sequence": {
        let at = new Set([from]);
        for (const item of node.items) at = new Set([...at].flatMap((start) => [...ends(item, start)]));
        return at;
      }
      case "repeat": {
        let at = new Set([from]);
        const all = new Set(node.least === 0 ? at : []);
        for (let count = 1; count <= node.most && at.size > 0; count++) {
          at = new Set(
            [...at].flatMap((start) => [...ends(node.item, start)]).filter((end) => count < node.least || !all.has(end)),
          );
          if (count >= node.least) for (const end of at) all.add(end);
        }
        return all;
      }
    }
  }
}

function isOf(node: Extract<Node, { kind: "characters" }>, point: number | undefined): boolean {
  return point !== undefined && node.ranges.some(([from, to]) => from <= point && point <= to) !== node.isNegated;
}

function pickCharacter(node: Extract<Node, { kind: "characters" }>, random: Random): number {
  const [first, ...others] = PALETTE.filter((point) => isOf(node, point));
  const isAny = node.isNegated || node.ranges.some(([from, to]) => to - from > 100);
  if (isAny && first !== undefined) return random.pick([first, ...others]);
  const [range = [63, 63] as [number, number], ...ranges] = node.ranges;
  const [from, to] = random.pick([range, ...ranges]);
  return from + random.below(to - from + 1);
}

import { type GbnfNode, GbnfSource, readGbnf } from "@llamero/core";
import type { Random } from "./random.ts";

type Characters = Extract<GbnfNode, { kind: "characters" }>;

/** Printable characters, some beyond ASCII and beyond U+FFFF, out of which samples are made where a grammar allows any. */
const PALETTE = [..."abcxyz019 _-./:,{}[]'é日😀"].map((character) => character.codePointAt(0) ?? 0);
/** How many rules deep a sample goes before it takes the shortest way out. */
const DEPTH = 24;
const UNKNOWN = 1e9;

/** The rule that a grammar's texts are made by. */
const ROOT: GbnfNode = { kind: "rule", name: "root", at: 0 };

function rulesOf(text: string): Map<string, GbnfNode> {
  const rules = new Map<string, GbnfNode>();
  for (const { name, body } of readGbnf(new GbnfSource(text, "The grammar"))) {
    if (rules.has(name)) throw new Error(`The grammar has the rule ${name} twice.`);
    rules.set(name, body);
  }
  return rules;
}

function noText(): never {
  throw new Error("A token has no text here.");
}

/** A grammar in llama.cpp's form, for tests: what texts are of it, and texts of it at random. Tokens have none. */
export class Gbnf {
  readonly #rules: Map<string, GbnfNode>;
  /** For each rule, how many rules deep its shortest text is. */
  readonly #heights = new Map<string, number>();

  constructor(text: string) {
    this.#rules = rulesOf(text);
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

  #rule(name: string): GbnfNode {
    const node = this.#rules.get(name);
    if (node === undefined) throw new Error(`The grammar has no rule ${name}.`);
    return node;
  }

  #height(node: GbnfNode): number {
    switch (node.kind) {
      case "literal":
      case "characters":
        return 0;
      case "token":
        return noText();
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
  lengths(node: GbnfNode = ROOT): [least: number, most: number] {
    switch (node.kind) {
      case "literal":
        return [node.points.length, node.points.length];
      case "characters":
        return [1, 1];
      case "token":
        return noText();
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
    return this.#sample(ROOT, random, DEPTH);
  }

  #sample(node: GbnfNode, random: Random, depth: number): string {
    switch (node.kind) {
      case "literal":
        return String.fromCodePoint(...node.points);
      case "characters":
        return String.fromCodePoint(pickCharacter(node, random));
      case "token":
        return noText();
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
    const known = new Map<GbnfNode, Map<number, Set<number>>>();
    const ends = (node: GbnfNode, from: number): Set<number> => {
      const byStart = known.get(node) ?? new Map<number, Set<number>>();
      known.set(node, byStart);
      const found = byStart.get(from) ?? this.#ends(node, from, { characters, ends });
      byStart.set(from, found);
      return found;
    };
    return ends(ROOT, 0).has(characters.length);
  }

  #ends(
    node: GbnfNode,
    from: number,
    { characters, ends }: { characters: number[]; ends: (node: GbnfNode, from: number) => Set<number> },
  ) {
    switch (node.kind) {
      case "literal":
        return new Set(
          node.points.every((point, index) => point === characters[from + index]) ? [from + node.points.length] : [],
        );
      case "characters":
        return new Set(isOf(node, characters[from]) ? [from + 1] : []);
      case "token":
        return noText();
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

function isOf(node: Characters, point: number | undefined): boolean {
  return point !== undefined && node.ranges.some(([from, to]) => from <= point && point <= to) !== node.isNegated;
}

function pickCharacter(node: Characters, random: Random): number {
  const [first, ...others] = PALETTE.filter((point) => isOf(node, point));
  const isAny = node.isNegated || node.ranges.some(([from, to]) => to - from > 100);
  if (isAny && first !== undefined) return random.pick([first, ...others]);
  const [range = [63, 63] as [number, number], ...ranges] = node.ranges;
  const [from, to] = random.pick([range, ...ranges]);
  return from + random.below(to - from + 1);
}

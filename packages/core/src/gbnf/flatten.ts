import type { FlatGrammar, FlatRule, FlatUnit } from "./flat-rule.ts";
import type { GbnfNode, GbnfRule } from "./gbnf-node.ts";
import type { GbnfSource } from "./gbnf-source.ts";
import { MOST_REPETITIONS } from "./read-gbnf.ts";

type Repeat = Extract<GbnfNode, { kind: "repeat" }>;

/**
 * What repetitions and groups may add to a grammar when they are written out. llama.cpp, which reads a grammar twice while nothing
 * decodes, takes about 10 ms for so many rules, and as long for so many elements. The name of a rule is in those made of it.
 */
const most = { rules: 10_000, elements: 200_000, nameLength: 2_000_000 };

/** A part of an alternative. */
interface Piece {
  units: readonly FlatUnit[];
  size: number;
  /** What llama.cpp takes for the number of its rules when it is repeated. */
  weight: number;
}

type Alternatives = Pick<FlatRule, "options" | "size">;

class Flattening {
  readonly #source: GbnfSource;
  readonly #named = new Map<string, FlatRule>();
  readonly #defined = new Set<string>();
  readonly #rules: FlatRule[] = [];
  readonly #left = { ...most };
  /** The rule that is being read. */
  #base: Pick<FlatRule, "name" | "at"> = { name: "", at: 0 };

  constructor(source: GbnfSource) {
    this.#source = source;
  }

  grammar(rules: readonly GbnfRule[]): FlatGrammar {
    for (const rule of rules) this.#define(rule);
    for (const { name, at } of this.#named.values())
      if (!this.#defined.has(name))
        this.#source.refuse(at, `There is no rule ${name.slice(0, 64)}; add it, or correct the name.`);
    const root = this.#named.get("root") ?? this.#source.refuse(0, "There is no rule root, which the output is made by; add it.");
    return { rules: this.#rules, root };
  }

  #define({ name, at, body }: GbnfRule): void {
    const rule = this.#rule(name, at);
    this.#defined.add(name);
    this.#base = { name, at };
    Object.assign(rule, this.#alternatives(body), { at });
  }

  #rule(name: string, at: number): FlatRule {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const rule = this.#add(name, at);
    this.#named.set(name, rule);
    return rule;
  }

  #add(name: string, at: number): FlatRule {
    const rule = { id: this.#rules.length, name, at, options: [], size: 0 };
    this.#rules.push(rule);
    return rule;
  }

  /** A rule for a part of the one that is being read. */
  #made(at: number): FlatRule {
    this.#spend("rules", 1, at);
    this.#spend("nameLength", this.#base.name.length, at);
    return this.#add(this.#base.name, at);
  }

  #spend(what: keyof typeof most, amount: number, at: number): void {
    this.#left[what] -= amount;
    if (this.#left[what] >= 0) return;
    const size = `With its repetitions written out, the grammar has more than ${most.rules} rules or ${most.elements} characters`;
    this.#source.refuse(at, `${size}; lower the counts, or repeat by * and limit the output by max_tokens.`);
  }

  #alternatives(node: GbnfNode): Alternatives {
    const pieces = (node.kind === "choice" ? node.options : [node]).map((option) => this.#piece(option));
    return {
      options: pieces.map(({ units }) => units),
      size: pieces.reduce((sum, { size }) => sum + size + 1, 0),
    };
  }

  #piece(node: GbnfNode): Piece {
    switch (node.kind) {
      case "literal":
        return this.#terminal(node.points.length);
      case "characters":
        return this.#terminal(node.ranges.reduce((sum, [from, to]) => sum + (from === to ? 1 : 2), 0) || 1);
      case "token":
        return this.#terminal(1);
      case "rule":
        return { units: [this.#rule(node.name, node.at)], size: 1, weight: 1 };
      case "sequence":
        return this.#sequence(node.items);
      case "choice": {
        const before = this.#rules.length;
        const rule = this.#made(node.at);
        Object.assign(rule, this.#alternatives(node));
        return { units: [rule], size: 1, weight: this.#rules.length - before };
      }
      case "repeat":
        return this.#repeat(node);
    }
  }

  #terminal(size: number): Piece {
    return { units: size === 0 ? [] : [null], size, weight: 1 };
  }

  #sequence(items: readonly GbnfNode[]): Piece {
    const units: FlatUnit[] = [];
    let size = 0;
    for (const item of items) {
      const piece = this.#piece(item);
      for (const unit of piece.units) if (unit !== null || units.at(-1) !== null) units.push(unit);
      size += piece.size;
    }
    return { units, size, weight: 1 };
  }

  /** x{2,4} is x x and a rule for up to 2 more, which is x and a rule for up to 1 more, or nothing; x{2,} ends in a rule for x*. */
  #repeat({ item, least, most, at }: Repeat): Piece {
    const once = this.#piece(item);
    const times = Number.isFinite(most) && most > 0 ? most : Math.max(least, 1);
    const weight = once.weight * times;
    if (weight > MOST_REPETITIONS) {
      const product = `Here ${once.weight} rules are repeated ${times} times; llama.cpp takes ${MOST_REPETITIONS} in all`;
      this.#source.refuse(at, `${product}. Lower the count, or give what is repeated a rule of its own.`);
    }
    const optional = Number.isFinite(most) ? most - least : 1;
    this.#spend("elements", once.size * Math.max(least - 1, 0) + (once.size + 3) * optional, at);
    const units: FlatUnit[] = [];
    for (let count = 0; count < least; count++) for (const unit of once.units) units.push(unit);
    let more: FlatRule | null = null;
    for (let index = 0; index < optional; index++) {
      const rule = this.#made(at);
      const next = Number.isFinite(most) ? more : rule;
      rule.options = [next === null ? once.units : [...once.units, next], []];
      rule.size = once.size + 3;
      more = rule;
    }
    if (more !== null) units.push(more);
    return { units, size: once.size * least + (more === null ? 0 : 1), weight };
  }
}

/**
 * Brings a grammar into the form that llama.cpp keeps it in, with groups and repetitions as rules.
 * @throws AppError `invalid_request` for a rule that is not there, and for what is repeated too often
 */
export function flatten(rules: readonly GbnfRule[], source: GbnfSource): FlatGrammar {
  return new Flattening(source).grammar(rules);
}

import { type ObjectShape, type Shape, trackedCount } from "@llamero/core";
import { type GrammarRules, literal } from "./grammar-rules.ts";
import { repeat } from "./repetition.ts";

/** The name of the rule of a shape. */
export type RuleOf = (shape: Shape) => string;

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

/** Any text that is none of some names, and not empty. */
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

/** The rules of one object: for each property, and each number of properties written before it, what may come from there on. */
class ObjectRules {
  readonly #rules: GrammarRules;
  readonly #shape: ObjectShape;
  readonly #pairs: string[];
  readonly #other: string | null;
  readonly #tracked: number;

  constructor(rules: GrammarRules, shape: ObjectShape, ruleOf: RuleOf) {
    this.#rules = rules;
    this.#shape = shape;
    this.#tracked = trackedCount(shape);
    this.#pairs = shape.properties.map(({ name, shape: value }) =>
      rules.name(`${literal(`${JSON.stringify(name)}:`)} ${space(rules)} ${ruleOf(value)}`),
    );
    this.#other = shape.additional === null ? null : this.#otherPair(shape.additional, ruleOf);
  }

  #otherPair({ name, value }: NonNullable<ObjectShape["additional"]>, ruleOf: RuleOf): string {
    const names = this.#shape.properties.map((property) => property.name);
    const isFree = name.kind === "string" && name.count.least === 0 && name.count.most === null;
    const key = isFree ? this.#rules.name(`"\\"" ${otherName(this.#rules, names)} "\\""`) : ruleOf(name);
    return this.#rules.name(`${key} ":" ${space(this.#rules)} ${ruleOf(value)}`);
  }

  /** From the last property to the first, since each rule is made of those behind it. */
  get rule(): string {
    let behind = new Map<number, string | null>();
    for (const [index, counts] of [...this.#reachable().entries()].reverse()) {
      const property = this.#shape.properties[index];
      const made = (written: number) => (property === undefined ? this.#end(written) : this.#property(index, written, behind));
      behind = new Map([...counts].map((written) => [written, made(written)]));
    }
    return this.#rules.name(`"{" ${behind.get(0) ?? ""}`);
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

  /** What comes from a property on; null when nothing does that satisfies the counts. */
  #property(index: number, written: number, behind: ReadonlyMap<number, string | null>): string | null {
    const after = this.#mayTake(written) ? (behind.get(this.#oneMore(written)) ?? null) : null;
    const comma = written === 0 ? "" : `"," ${space(this.#rules)} `;
    const taken = after === null ? null : `${comma}${this.#pairs[index]} ${after}`;
    const left = this.#shape.properties[index]?.isRequired ? null : (behind.get(written) ?? null);
    return taken === null || left === null ? (taken ?? left) : this.#rules.name(`${taken} | ${left}`);
  }

  /** Others that are not listed, and the end. Of the least number, others count as one: two of them may have one name. */
  #end(written: number): string | null {
    const { least, most } = this.#shape.count;
    const left = most === null ? null : most - written;
    if (this.#other === null || left === 0) return written < least ? null : '"}"';
    if (written < least - 1) return null;
    const further = this.#rules.name(`"," ${space(this.#rules)} ${this.#other}`);
    if (written > 0) return `${repeat(this.#rules, further, { least: written < least ? 1 : 0, most: left })} "}"`;
    const more = repeat(this.#rules, further, { least: 0, most: left === null ? null : left - 1 });
    const some = this.#rules.name(`${this.#other} ${more} "}"`);
    return least > 0 ? some : this.#rules.name(`${some} | "}"`);
  }
}

/** An object: its properties in their order, without white space but a space behind colons and commas. */
export function object(rules: GrammarRules, shape: ObjectShape, ruleOf: RuleOf): string {
  return new ObjectRules(rules, shape, ruleOf).rule;
}

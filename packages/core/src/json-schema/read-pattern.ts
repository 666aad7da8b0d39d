import type { SchemaBudget } from "./budget.ts";
import { anyCharacter, dot } from "./character-sets.ts";
import { lengthOf } from "./pattern-length.ts";
import { PatternSource } from "./pattern-source.ts";
import type { CodePoints, Count, Pattern } from "./shape.ts";

const MAX_GROUPS_WITHIN = 32;
const empty: Pattern = { kind: "sequence", items: [] };
const anything: Pattern = { kind: "repeat", item: { kind: "set", ranges: anyCharacter }, least: 0, most: null };
const set = (ranges: readonly CodePoints[]): Pattern => ({ kind: "set", ranges });

/** Reads a pattern by the grammar of ECMA-262, as far as it is a regular language. */
class PatternReader {
  readonly #source: PatternSource;
  readonly #budget: SchemaBudget;
  readonly #at: string;

  constructor(text: string, { budget, at }: { budget: SchemaBudget; at: string }) {
    this.#source = new PatternSource(text, at);
    this.#budget = budget;
    this.#at = at;
  }

  /** The whole pattern: what has no anchor may have anything before or behind it. */
  whole(): Pattern {
    const options: Pattern[] = [];
    do {
      const isFromStart = this.#source.take("^");
      const items = this.#items(0);
      const isToEnd = this.#source.take("$");
      const before = isFromStart ? [] : [anything];
      const behind = isToEnd || (items.length === 0 && !isFromStart) ? [] : [anything];
      options.push({ kind: "sequence", items: [...before, ...items, ...behind] });
    } while (this.#source.take("|"));
    if (!this.#source.isAtEnd) this.#source.refuse(`has ${this.#source.next} where an alternative must end`);
    return oneOf(options);
  }

  #items(depth: number): Pattern[] {
    const items: Pattern[] = [];
    while (!this.#source.isAtEnd && !["|", ")", "$"].includes(this.#source.next ?? "")) items.push(this.#repeated(depth));
    return items;
  }

  #choice(depth: number): Pattern {
    if (depth > MAX_GROUPS_WITHIN) this.#source.refuse(`has more than ${MAX_GROUPS_WITHIN} groups within each other`);
    const options: Pattern[] = [];
    do options.push({ kind: "sequence", items: this.#items(depth) });
    while (this.#source.take("|"));
    return oneOf(options);
  }

  #repeated(depth: number): Pattern {
    this.#budget.nodes(1, this.#at);
    const item = this.#atom(depth);
    const count = this.#quantifier();
    if (count === null) return item;
    // A lazy quantifier allows the same texts.
    this.#source.take("?");
    if (["*", "+", "?", "{"].includes(this.#source.next ?? "")) this.#source.refuse("repeats a repetition");
    return this.#repeat(item, count);
  }

  #repeat(item: Pattern, { least, most }: Count): Pattern {
    if (most !== null && most < least) this.#source.refuse("repeats at most less often than at least");
    if (most === 0) return empty;
    if (least === 1 && most === 1) return item;
    if (lengthOf(item).least > 0) return { kind: "repeat", item, least, most };
    if (least === 0 && most === 1) return { kind: "choice", options: [item, empty] };
    return this.#source.refuse("repeats what may be empty");
  }

  #quantifier(): Count | null {
    if (this.#source.take("*")) return { least: 0, most: null };
    if (this.#source.take("+")) return { least: 1, most: null };
    if (this.#source.take("?")) return { least: 0, most: 1 };
    if (!this.#source.take("{")) return null;
    const least = this.#source.number();
    const isOpen = this.#source.take(",");
    const most = isOpen ? this.#source.number() : least;
    if (least === null || !this.#source.take("}")) this.#source.refuse("has a brace that is no quantifier");
    if (!Number.isSafeInteger(least) || !Number.isSafeInteger(most ?? 0)) this.#source.refuse("repeats too often");
    return { least, most };
  }

  #atom(depth: number): Pattern {
    if (this.#source.take("(")) return this.#group(depth);
    if (this.#source.take("[")) return set(this.#source.set());
    if (this.#source.take(".")) return set(dot);
    if (this.#source.take("\\")) return set(this.#source.escape());
    if (this.#source.next === "^") this.#source.refuse("has ^ within it");
    if ("*+?{".includes(this.#source.next ?? "")) this.#source.refuse("repeats nothing");
    return set(this.#source.oneAsSet());
  }

  #group(depth: number): Pattern {
    if (this.#source.take("?") && !this.#source.take(":")) {
      const isNamed = this.#source.take("<") && !["=", "!"].includes(this.#source.next ?? "");
      if (!isNamed) this.#source.refuse("looks ahead or behind, or sets flags");
      this.#source.upTo(">");
    }
    const inner = this.#choice(depth + 1);
    if (this.#source.next === "$") this.#source.refuse("has $ within a group");
    if (!this.#source.take(")")) this.#source.refuse("has a group that does not end");
    return inner;
  }
}

function oneOf(options: readonly Pattern[]): Pattern {
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: "choice", options };
}

/** @throws AppError `unsupported_schema` where a pattern is more than a regular language, or says nothing */
export function readPattern(text: string, budget: SchemaBudget, at: string): Pattern {
  return new PatternReader(text, { budget, at }).whole();
}

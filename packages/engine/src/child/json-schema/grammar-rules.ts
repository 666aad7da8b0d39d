/** Keeps the names apart from those of other rules in the same grammar. */
const PREFIX = "json-";

/** Text as a grammar spells it. There may be no control characters in it but those that JSON's short escapes are for. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** Rules of a grammar in the making. The same rule is there once, whoever asks for it. */
export class GrammarRules {
  readonly #names = new Map<string, string>();
  readonly #later = new Map<object, { name: string; body: () => string }>();
  readonly #rules: string[] = [];
  #count = 0;

  /** The name of a rule with this body. */
  name(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.#next();
    this.#names.set(body, name);
    this.#rules.push(`${name} ::= ${body}`);
    return name;
  }

  /** The name of a rule that may lead back to itself: its body is made when what is under way is done. */
  later(key: object, body: () => string): string {
    const { name } = this.#later.get(key) ?? { name: this.#next() };
    if (!this.#later.has(key)) this.#later.set(key, { name, body });
    return name;
  }

  #next(): string {
    return `${PREFIX}${this.#count++}`;
  }

  /**
   * All rules, one a line, when the bodies that are left have been made; a map goes on with what is added to it meanwhile. Rules
   * stand before those that they are made of: llama.cpp follows the beginnings of each rule that it has not come through yet.
   */
  finish(): string {
    for (const { name, body } of this.#later.values()) this.#rules.push(`${name} ::= ${body()}`);
    this.#later.clear();
    return this.#rules.toReversed().join("\n");
  }
}

import { COUNT_BASE, type Count } from "@llamero/core";
import type { GrammarRules } from "./grammar-rules.ts";

/** From one rule's item to rules that count it. llama.cpp spells every repetition out and takes none of more than 2,000. */
class Repetition {
  readonly #rules: GrammarRules;
  /** The item, a rule that is 16 of it, one that is 256 of it, and so on. */
  readonly #powers: string[];

  constructor(rules: GrammarRules, item: string) {
    this.#rules = rules;
    this.#powers = [item];
  }

  #power(exponent: number): string {
    for (let next = this.#powers.length; next <= exponent; next++)
      this.#powers.push(this.#rules.name(`${this.#powers[next - 1]}{${COUNT_BASE}}`));
    return this.#powers[exponent] ?? "";
  }

  /** So many items, by the digits of the number. */
  exactly(count: number): string {
    const parts: string[] = [];
    for (let [left, exponent] = [count, 0]; left > 0; left = Math.floor(left / COUNT_BASE), exponent++) {
      const digit = left % COUNT_BASE;
      if (digit > 0) parts.unshift(digit === 1 ? this.#power(exponent) : `${this.#power(exponent)}{${digit}}`);
    }
    return parts.join(" ");
  }

  /**
   * At most so many items, one or more: blocks of the largest power, and behind each the choice between another block and less
   * than one.
   */
  upTo(count: number): string {
    if (count < COUNT_BASE) return count === 1 ? `${this.#powers[0]}?` : `${this.#powers[0]}{0,${count}}`;
    let exponent = 1;
    while (COUNT_BASE ** (exponent + 1) <= count) exponent++;
    const block = COUNT_BASE ** exponent;
    const lessThanBlock = this.upTo(block - 1);
    const rest = count % block;
    let tail = rest === 0 ? "" : this.upTo(rest);
    for (let blocks = Math.floor(count / block); blocks > 0; blocks--)
      tail = this.#rules.name(`${this.#power(exponent)} ${tail} | ${lessThanBlock}`);
    return tail;
  }
}

/**
 * An expression of an item that comes as often as a count says; empty for never. Its rules are as many as the count has digits,
 * and a text is in as few places of them at a time.
 * @param item the name of a rule that is never empty
 */
export function repeat(rules: GrammarRules, item: string, { least, most }: Count): string {
  if (least === 0 && most === null) return `${item}*`;
  const repetition = new Repetition(rules, item);
  const first = least === 0 ? "" : repetition.exactly(least);
  if (most === null) return `${first} ${item}*`;
  return most > least ? `${first} ${repetition.upTo(most - least)}`.trim() : first;
}

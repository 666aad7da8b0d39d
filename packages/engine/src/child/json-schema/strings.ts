import type { Count } from "@llamero/core";
import type { GrammarRules } from "./grammar-rules.ts";
import { repeat } from "./repetition.ts";

const QUOTE = '"\\""';

/** One character of a string in JSON. Characters beyond U+FFFF come as they are, not as two escapes that stand for halves. */
function character(rules: GrammarRules): string {
  const unit = rules.name("[0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}");
  return rules.name(`[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" ${unit})`);
}

/** A string whose characters are those of an expression. */
export function quoted(rules: GrammarRules, expression: string): string {
  return rules.name(`${QUOTE} ${expression} ${QUOTE}`);
}

/** So many characters of a string. */
export function characters(rules: GrammarRules, count: Count): string {
  return repeat(rules, character(rules), count);
}

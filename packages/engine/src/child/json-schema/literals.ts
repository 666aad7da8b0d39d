import type { Json } from "@llamero/core";
import { type GrammarRules, literal } from "./grammar-rules.ts";

/** How many characters texts begin alike with, from a position on. */
function commonLength(texts: readonly (readonly string[])[], from: number): number {
  const [first = []] = texts;
  let end = from;
  while (end < first.length && texts.every((text) => text[end] === first[end])) end++;
  return end - from;
}

/** Any of several different texts, from a position on up to which they are alike. */
function anyOf(rules: GrammarRules, texts: readonly (readonly string[])[], from: number): string {
  const [first = []] = texts;
  const end = from + commonLength(texts, from);
  const head = end > from ? literal(first.slice(from, end).join("")) : "";
  if (texts.length === 1) return head || '""';
  const branches = new Map<string, (readonly string[])[]>();
  for (const text of texts) {
    const next = text[end] ?? "";
    const branch = branches.get(next);
    if (branch === undefined) branches.set(next, [text]);
    else branch.push(text);
  }
  const options = [...branches.values()].map((branch) => anyOf(rules, branch, end));
  return `${head} ${rules.name(options.join(" | "))}`.trim();
}

/**
 * Any of several values. Values that begin alike share that beginning: llama.cpp tries every token of the vocabulary in every
 * alternative that is open.
 */
export function literals(rules: GrammarRules, values: readonly Json[]): string {
  const texts = new Set(values.map((value) => JSON.stringify(value)));
  return anyOf(
    rules,
    [...texts].map((text) => Array.from(text)),
    0,
  );
}

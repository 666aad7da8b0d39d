import type { Tool } from "@llamero/core";

/** Where a function's arguments stand in a grammar. */
export interface CallRule {
  name: string;
  /** The name of the rule that its arguments follow. */
  argumentsRule: string;
}

/** A model that repeats itself ends here instead of at its last token. */
const MAX_CALLS = 16;

/** A grammar's strings, character classes and comments, which are left alone, and its rule names. */
const GBNF_PARTS = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#.*$|[A-Za-z][A-Za-z0-9-]*/gm;

/** Text as a grammar spells it. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** Gives every rule of a grammar a name of its own, so that several grammars can stand in one. */
export function prefixRules(grammar: string, prefix: string): string {
  return grammar.replace(GBNF_PARTS, (part) => (/^[A-Za-z]/.test(part) ? prefix + part : part));
}

/** One item, or several with something between them. */
export function list(item: string, between: string, isParallel: boolean): string {
  return isParallel ? `${item} (${between} ${item}){0,${MAX_CALLS - 1}}` : item;
}

/** The rules of one JSON object with a function's name and arguments, for all functions: any of them is rule `call`. */
export function jsonCallRules(calls: readonly CallRule[], key: "arguments" | "parameters", more = ""): string {
  const rules = calls.map(({ name, argumentsRule }, index) => {
    const head = `"{" sp ${literal('"name"')} sp ":" sp ${literal(`"${name}"`)} sp "," sp ${literal(`"${key}"`)} sp ":" sp`;
    return `call-${index} ::= ${head} ${argumentsRule} sp ${more} "}"`;
  });
  return [`call ::= ${calls.map((_, index) => `call-${index}`).join(" | ")}`, ...rules, "sp ::= [ \\n]?"].join("\n");
}

/** The grammar of an answer that ends a thought before its calls; the prompt has begun the thought. */
export function afterThought(grammar: string): string {
  const thought = 'root ::= thought "</think>" [ \\n]* calls\nthought ::= ([^<] | "<" [^/])*';
  return `${thought}\n${grammar.replace(/^root ::=/m, "calls ::=")}`;
}

/** The whole grammar of a format's calls, from the grammars of the functions' arguments in the tools' order. */
export function withArguments(
  tools: readonly Tool[],
  argumentGrammars: readonly string[],
  grammarOf: (calls: CallRule[]) => string,
): string {
  const calls = tools.map((tool, index) => ({ name: tool.function.name, argumentsRule: `arguments-${index}-root` }));
  const rules = argumentGrammars.map((grammar, index) => prefixRules(grammar, `arguments-${index}-`));
  return [grammarOf(calls), ...rules].join("\n");
}

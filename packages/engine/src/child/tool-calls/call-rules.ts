import { literal } from "../json-schema/grammar-rules.ts";

/** Where a function's arguments stand in a grammar. */
export interface CallRule {
  name: string;
  /** The name of the rule that its arguments follow. */
  argumentsRule: string;
}

/** A model that repeats itself ends here instead of at its last token. */
const MAX_CALLS = 16;

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

import type { ArrayShape, Count, Shape } from "@llamero/core";
import type { GrammarRules } from "./grammar-rules.ts";
import { space } from "./objects.ts";
import { repeat } from "./repetition.ts";

/** How many items may come behind some others. */
function countBehind({ least, most }: Count, before: number): Count {
  return { least: Math.max(0, least - before), most: most === null ? null : Math.max(0, most - before) };
}

/** An array: the first items, as far as they may come, and then the others. */
export function array(rules: GrammarRules, { first, rest, count }: ArrayShape, expressionOf: (shape: Shape) => string): string {
  const comma = `"," ${space(rules)}`;
  const listed = first.slice(0, count.most ?? Infinity).map(expressionOf);
  const head = listed.join(` ${comma} `);
  const behind = rest === null ? { least: 0, most: 0 } : countBehind(count, listed.length);
  if (rest === null || behind.most === 0) return rules.name(`"[" ${head} "]"`);
  const item = expressionOf(rest);
  const further = rules.name(`${comma} ${item}`);
  if (listed.length > 0) return rules.name(`"[" ${head} ${repeat(rules, further, behind)} "]"`);
  const items = `${item} ${repeat(rules, further, countBehind(behind, 1))}`;
  return rules.name(behind.least > 0 ? `"[" ${items} "]"` : `"[" (${items})? "]"`);
}

import type { SchemaBudget } from "./budget.ts";
import { countOf } from "./count-of.ts";
import type { Part } from "./keywords.ts";
import { partOf, type ReadChild } from "./read-object.ts";
import { repetitionLength } from "./repetition-length.ts";
import type { ArrayShape, Shape } from "./shape.ts";

/** What one schema says of the first items and of the others; `rest` undefined: nothing. */
interface Items {
  first: Part[];
  rest: Part | false | undefined;
}

/** Draft 2020-12 has `prefixItems` and `items`; before, a list of `items` and `additionalItems` said the same. */
function itemsOf({ schema, at }: Part): Items {
  const { items, prefixItems, additionalItems } = schema;
  const isList = Array.isArray(items);
  const [list, listAt] = isList ? [items, `${at}.items`] : [(prefixItems ?? []) as unknown[], `${at}.prefixItems`];
  const [rest, restAt] = isList ? [additionalItems, `${at}.additionalItems`] : [items, `${at}.items`];
  return {
    first: list.map((item, index) => partOf(item, `${listAt}.${index}`)),
    rest: rest === undefined || rest === false ? rest : partOf(rest, restAt),
  };
}

function partsAt(lists: readonly Items[], index: number): Part[] | null {
  const said = lists.map(({ first, rest }) => first[index] ?? rest);
  return said.includes(false) ? null : said.filter((part) => part !== undefined && part !== false);
}

/** Arrays: the listed first items all come, others where they are described, and any where nothing is said. */
export function readArray(parts: readonly Part[], child: ReadChild, budget: SchemaBudget): Shape {
  const { count, never } = countOf(parts, "minItems", "maxItems");
  if (never !== null) return never;
  const at = parts[0]?.at ?? "";
  const lists = parts.map(itemsOf);
  const read = (said: Part[] | null): Shape | null => {
    if (said === null) return null;
    return said.length === 0 ? { kind: "any" } : child(said);
  };
  const listed = Math.max(...lists.map(({ first }) => first.length));
  const first: Shape[] = [];
  while (first.length < listed) {
    const shape = read(partsAt(lists, first.length));
    if (shape === null) break;
    first.push(shape);
  }
  const isOpen = first.length === listed && (listed === 0 || lists.some(({ rest }) => rest !== undefined));
  const rest = isOpen ? read(partsAt(lists, listed)) : null;
  const shape: ArrayShape = { kind: "array", first, rest, count };
  if (count.least > first.length && rest === null)
    return { kind: "never", at: `${at}.minItems`, why: "is more than there are items." };
  budget.grammar(80 + first.length * 40 + repetitionLength(count), at);
  return shape;
}

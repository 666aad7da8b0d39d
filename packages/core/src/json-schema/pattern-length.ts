import type { Count, Pattern } from "./shape.ts";

/** How many characters a text of a pattern has. */
export function lengthOf(pattern: Pattern): Count {
  switch (pattern.kind) {
    case "set":
      return { least: 1, most: 1 };
    case "repeat": {
      const { least, most } = lengthOf(pattern.item);
      return { least: least * pattern.least, most: most === null || pattern.most === null ? null : most * pattern.most };
    }
    case "choice": {
      const lengths = pattern.options.map(lengthOf);
      const most = lengths.map((length) => length.most ?? Infinity).reduce((a, b) => Math.max(a, b), 0);
      return { least: Math.min(...lengths.map(({ least }) => least)), most: most === Infinity ? null : most };
    }
    case "sequence":
      return pattern.items.map(lengthOf).reduce(
        (sum, { least, most }) => ({
          least: sum.least + least,
          most: sum.most === null || most === null ? null : sum.most + most,
        }),
        { least: 0, most: 0 },
      );
  }
}

/** The items of a sequence, those of sequences within it included. */
function itemsOf(pattern: Pattern): readonly Pattern[] {
  return pattern.kind === "sequence" ? pattern.items.flatMap(itemsOf) : [pattern];
}

const isFixed = ({ least, most }: Count) => least === most;

/** How often an item of a length may come, beside others, so that the whole has a length. */
function countWithin(length: Count, item: number, beside: number): Count {
  const least = Math.max(0, Math.ceil((length.least - beside) / item));
  return { least, most: length.most === null ? null : Math.floor((length.most - beside) / item) };
}

function both(a: Count, b: Count): Count {
  const most = Math.min(a.most ?? Infinity, b.most ?? Infinity);
  return { least: Math.max(a.least, b.least), most: most === Infinity ? null : most };
}

const isEmpty = ({ least, most }: Count) => most !== null && most < least;

/**
 * The texts of a pattern that have a length; "none" when there are none, null when that cannot be written as a pattern: where
 * more than one part of it varies.
 */
export function withLength(pattern: Pattern, length: Count): Pattern | "none" | null {
  const own = lengthOf(pattern);
  const common = both(own, length);
  if (isEmpty(common)) return "none";
  if (common.least === own.least && common.most === own.most) return pattern;
  if (pattern.kind === "choice") return choiceWithLength(pattern.options, length);
  const items = itemsOf(pattern);
  const varying = items.filter((item) => !isFixed(lengthOf(item)));
  const [one] = varying;
  if (one === undefined || varying.length > 1) return null;
  const around = (inner: Pattern): Pattern => ({
    kind: "sequence",
    items: items.map((item) => (item === one ? inner : item)),
  });
  const options = optionsOf(one);
  if (options !== null) return choiceWithLength(options.map(around), length);
  if (one.kind !== "repeat" || !isFixed(lengthOf(one.item))) return null;
  const beside = items.reduce((sum, item) => sum + (item === one ? 0 : lengthOf(item).least), 0);
  const count = both(one, countWithin(length, lengthOf(one.item).least, beside));
  return isEmpty(count) ? "none" : around({ ...one, ...count });
}

/** What a part is one of; a group that may be left out is one of itself and nothing. */
function optionsOf(pattern: Pattern): readonly Pattern[] | null {
  if (pattern.kind === "choice") return pattern.options;
  const isOptional = pattern.kind === "repeat" && pattern.item.kind !== "set" && pattern.least === 0 && pattern.most === 1;
  return isOptional ? [pattern.item, { kind: "sequence", items: [] }] : null;
}

function choiceWithLength(options: readonly Pattern[], length: Count): Pattern | "none" | null {
  const fitting = options.map((option) => withLength(option, length));
  const left = fitting.filter((option) => option !== null && option !== "none");
  if (fitting.includes(null)) return null;
  return left.length === 0 ? "none" : { kind: "choice", options: left };
}

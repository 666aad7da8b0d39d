import { type CodePoints, PATTERN_END, type Pattern, type PatternAutomaton } from "@llamero/core";
import { type GrammarRules, literal } from "./grammar-rules.ts";
import { repeat } from "./repetition.ts";

/** Characters that JSON has a letter for, to be written behind a backslash. */
const letters: Readonly<Record<number, string>> = { 8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 34: '"', 92: "\\" };
/** Characters that JSON does not take as they are. */
const escaped = [...Array.from({ length: 0x20 }, (_, point) => point), 0x22, 0x5c];

function escapeOf(point: number): string {
  return `\\${letters[point] ?? `u${point.toString(16).padStart(4, "0")}`}`;
}

const isIn = (ranges: readonly CodePoints[], point: number) => ranges.some(([from, to]) => from <= point && point <= to);

/** A code point as a grammar spells it within a class. */
function classPoint(point: number): string {
  return point <= 0xffff ? `\\u${point.toString(16).padStart(4, "0")}` : `\\U${point.toString(16).padStart(8, "0")}`;
}

/** What is left of ranges without the characters that are escaped. */
function plainRanges(ranges: readonly CodePoints[]): CodePoints[] {
  let left = [...ranges];
  for (const point of escaped)
    left = left.flatMap(([from, to]): CodePoints[] => {
      if (point < from || point > to) return [[from, to]];
      return [[from, point - 1] as const, [point + 1, to] as const].filter(([low, high]) => low <= high);
    });
  return left;
}

const isWord = (point: number) => /^[a-zA-Z0-9]$/.test(String.fromCodePoint(point));
const spelled = (point: number) => (isWord(point) ? String.fromCodePoint(point) : classPoint(point));

/** One character of a set, as JSON spells it. Control characters without a letter are written where there is nothing else. */
function set(rules: GrammarRules, ranges: readonly CodePoints[]): string {
  const [[from, to] = [0, 0]] = ranges;
  if (ranges.length === 1 && from === to) return literal(escaped.includes(from) ? escapeOf(from) : String.fromCodePoint(from));
  const plain = plainRanges(ranges).map(([low, high]) => (low === high ? spelled(low) : `${spelled(low)}-${spelled(high)}`));
  const own = escaped.filter((point) => isIn(ranges, point));
  const lettered = own.map((point) => letters[point]).filter((letter) => letter !== undefined);
  const options = [
    ...(plain.length > 0 ? [`[${plain.join("")}]`] : []),
    ...(lettered.length > 0 ? [`"\\\\" [${lettered.map((letter) => classPoint(letter.charCodeAt(0))).join("")}]`] : []),
  ];
  return rules.name((options.length > 0 ? options : own.map((point) => literal(escapeOf(point)))).join(" | "));
}

/** The texts of a pattern, as they stand in a string of JSON. */
export function pattern(rules: GrammarRules, node: Pattern): string {
  switch (node.kind) {
    case "set":
      return set(rules, node.ranges);
    case "sequence":
      return node.items.map((item) => pattern(rules, item)).join(" ");
    case "choice":
      return rules.name(node.options.map((option) => pattern(rules, option) || '""').join(" | "));
    case "repeat":
      return repeat(rules, rules.name(pattern(rules, node.item)), node);
  }
}

interface Length {
  least: number;
  most: number;
}

/** The texts of a pattern that are so many characters long: a rule for each place and each number of characters up to it. */
export function measured(rules: GrammarRules, { first, places }: PatternAutomaton, { least, most }: Length): string {
  const sets = places.map(({ ranges }) => set(rules, ranges));
  let behind: (string | null)[] = [];
  const from = (next: readonly number[], length: number): string | null => {
    const options = next.map((place) => {
      if (place === PATTERN_END) return length >= least ? '""' : null;
      const rest = behind[place] ?? null;
      return length === most || rest === null ? null : `${sets[place]} ${rest}`;
    });
    const possible = new Set(options.filter((option) => option !== null));
    return possible.size === 0 ? null : rules.name([...possible].join(" | "));
  };
  for (let length = most; length > 0; length--) behind = places.map(({ next }) => from(next, length));
  const whole = from(first, 0);
  if (whole === null) throw new Error("The pattern has no text of that length.");
  return whole;
}

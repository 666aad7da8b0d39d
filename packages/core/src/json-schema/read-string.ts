import type { SchemaBudget } from "./budget.ts";
import { countOf } from "./count-of.ts";
import type { Part } from "./keywords.ts";
import { automatonOf, hasLength, placeCount } from "./pattern-automaton.ts";
import { withLength } from "./pattern-length.ts";
import { chargePattern } from "./pattern-size.ts";
import { readPattern } from "./read-pattern.ts";
import { refuse } from "./refuse.ts";
import { repetitionLength } from "./repetition-length.ts";
import { type Count, type Pattern, type Shape, type StringFormat, stringFormats } from "./shape.ts";

/** Least and most characters of what is written for a format. */
export const formatLengths: Readonly<Record<StringFormat, readonly [number, number]>> = {
  "date-time": [20, 35],
  date: [10, 10],
  time: [9, 24],
  uuid: [36, 36],
  email: [6, 234],
  hostname: [1, 251],
  ipv4: [7, 15],
  uri: [5, 1_779],
};

/** What a grammar's rules for a format take, once. */
const FORMAT_GRAMMAR_LENGTH = 1_500;

function textsOf(parts: readonly Part[], keyword: string): Map<string, string> {
  const given = parts.filter(({ schema }) => typeof schema[keyword] === "string");
  return new Map(given.map(({ schema, at }) => [schema[keyword] as string, `${at}.${keyword}`]));
}

/** Rules for lengths that no single part of a pattern is responsible for: one for each place in it and each length. */
const MAX_MEASURED_RULES = 3_000;
const NO_LENGTH = "allows no text between minLength and maxLength.";

/** A pattern with lengths that no part of it can take over: every place counts how many characters there are. */
function measured(pattern: Pattern, { least, most }: Count, { budget, at }: { budget: SchemaBudget; at: string }): Shape {
  if (most === null || placeCount(pattern) * most > MAX_MEASURED_RULES)
    refuse(at, "is too large to be enforced together with these minLength and maxLength; put the lengths into it.");
  const automaton = automatonOf(pattern);
  if (!hasLength(automaton, least, most)) return { kind: "never", at, why: NO_LENGTH };
  chargePattern(pattern, budget, at);
  for (const { next } of automaton.places) budget.grammar(most * (40 + 20 * next.length), at);
  return { kind: "measured", automaton, least, most };
}

function patternShape(text: string, count: Count, options: { budget: SchemaBudget; at: string }): Shape {
  const { budget, at } = options;
  const whole = readPattern(text, budget, at);
  const pattern = withLength(whole, count);
  if (pattern === null) return measured(whole, count, options);
  if (pattern === "none") return { kind: "never", at, why: NO_LENGTH };
  chargePattern(pattern, budget, at);
  return { kind: "pattern", pattern };
}

/** Strings: a pattern is enforced together with lengths, a format only where it cannot come into conflict with them. */
export function readString(parts: readonly Part[], budget: SchemaBudget): Shape {
  const { count, never } = countOf(parts, "minLength", "maxLength");
  if (never !== null) return never;
  const [pattern, other] = textsOf(parts, "pattern");
  if (other !== undefined) refuse(other[1], "is a second pattern for the same text; make one of them.");
  if (pattern !== undefined) return patternShape(pattern[0], count, { budget, at: pattern[1] });
  const at = parts[0]?.at ?? "";
  const format = stringFormats.find((name) => {
    const [least, most] = formatLengths[name];
    return textsOf(parts, "format").has(name) && count.least <= least && most <= (count.most ?? Infinity);
  });
  if (format !== undefined) {
    budget.grammarOnce(`format ${format}`, FORMAT_GRAMMAR_LENGTH, at);
    return { kind: "format", format };
  }
  budget.grammarOnce(`string ${count.least} ${count.most}`, repetitionLength(count), at);
  return { kind: "string", count };
}

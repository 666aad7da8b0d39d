import type { SchemaBudget } from "./budget.ts";
import { lengthOf } from "./pattern-length.ts";
import { refuse } from "./refuse.ts";
import { repetitionLength } from "./repetition-length.ts";
import type { Pattern } from "./shape.ts";

/**
 * Places at which a text may stand in a pattern at the same time, at worst. llama.cpp follows all of them with every token, so
 * that nested counts, as in (a{1,90}){1,90}, would stop everybody's decoding.
 */
const MAX_PLACES = 300;
/** Places within a count: one for each of its digits. */
const COUNTED_PLACES = 4;

const isFixed = (pattern: Pattern) => lengthOf(pattern).least === lengthOf(pattern).most;

function placesOf(pattern: Pattern): number {
  switch (pattern.kind) {
    case "set":
      return 1;
    case "sequence": {
      // Up to the first part whose length varies, it is known which part a text is in.
      const varying = pattern.items.findIndex((item) => !isFixed(item));
      const places = pattern.items.map(placesOf);
      const known = varying < 0 ? places : places.slice(0, varying);
      return Math.max(1, ...known) + places.slice(known.length).reduce((sum, count) => sum + count, 0);
    }
    case "choice":
      return pattern.options.reduce((sum, option) => sum + placesOf(option), 0);
    case "repeat": {
      const places = placesOf(pattern.item);
      return isFixed(pattern.item) ? places + COUNTED_PLACES : places * (pattern.most ?? pattern.least + 1);
    }
  }
}

/** What a set of characters is spelled with: its ranges, and escapes where it has what JSON escapes. */
function setLength({ ranges }: Extract<Pattern, { kind: "set" }>): number {
  const [first = [0, 0]] = ranges;
  if (ranges.length === 1 && first[0] === first[1]) return 20;
  return 60 + 24 * ranges.length + (first[0] <= 0x5c ? 400 : 0);
}

function grammarLength(pattern: Pattern): number {
  switch (pattern.kind) {
    case "set":
      return setLength(pattern);
    case "sequence":
      return pattern.items.reduce((sum, item) => sum + grammarLength(item), 40);
    case "choice":
      return pattern.options.reduce((sum, option) => sum + grammarLength(option) + 3, 40);
    case "repeat":
      return grammarLength(pattern.item) + repetitionLength(pattern);
  }
}

/** Takes what a pattern needs, or refuses it. */
export function chargePattern(pattern: Pattern, budget: SchemaBudget, at: string): void {
  if (placesOf(pattern) > MAX_PLACES) refuse(at, "counts what is counted itself; lower its numbers.");
  budget.grammar(grammarLength(pattern), at);
}

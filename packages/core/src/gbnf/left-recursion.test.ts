import { randomGrammar, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { realBeginnings } from "./beginnings.ts";
import type { FlatGrammar, FlatRule } from "./flat-rule.ts";
import { flatten } from "./flatten.ts";
import { GbnfSource } from "./gbnf-source.ts";
import { refuseHiddenRecursion } from "./left-recursion.ts";
import { readGbnf } from "./read-gbnf.ts";

/** Where in a rule: the number of the alternative, and of the unit in it. */
interface Place {
  rule: FlatRule;
  option: number;
  unit: number;
}

/** More stacks than rules of this size have. */
const MANY_STACKS = 500;

const startsOf = (rule: FlatRule): Place[] => rule.options.map((_, option) => ({ rule, option, unit: 0 }));
const exists = ({ rule, option, unit }: Place) => unit < (rule.options[option]?.length ?? 0);
const keyOf = (stack: readonly Place[]) => stack.map(({ rule, option, unit }) => `${rule.id}.${option}.${unit}`).join();

/** How many places there are at which the output can go on at the beginning of a rule, or end; found by going there. */
function placesOf(rule: FlatRule): number {
  const todo = startsOf(rule).map((place) => [place].filter(exists));
  const seen = new Set<string>();
  let places = 0;
  for (let stack = todo.pop(); stack !== undefined && seen.size < MANY_STACKS; stack = todo.pop()) {
    const key = keyOf(stack);
    if (seen.has(key)) continue;
    seen.add(key);
    const place = stack.at(-1);
    const unit = place?.rule.options[place.option]?.[place.unit];
    if (place === undefined || unit === null || unit === undefined) places++;
    else {
      const below = [...stack.slice(0, -1), { ...place, unit: place.unit + 1 }].filter(exists);
      for (const start of startsOf(unit)) todo.push([...below, ...[start].filter(exists)]);
    }
  }
  return seen.size < MANY_STACKS ? places : Infinity;
}

function isRefused(grammar: FlatGrammar, source: GbnfSource): boolean {
  try {
    refuseHiddenRecursion(realBeginnings(grammar), source);
    return false;
  } catch (error) {
    if (error instanceof AppError) return true;
    throw error;
  }
}

function read(text: string): { grammar: FlatGrammar; source: GbnfSource } | null {
  try {
    const source = new GbnfSource(text, "grammar");
    return { grammar: flatten(readGbnf(source), source), source };
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

test.each([1, 2, 3, 4])(
  "rules are refused that would be expanded endlessly, or to nothing, and no others, from seed %i",
  (seed) => {
    const random = seededRandom(seed * 7_001);
    const counts = { taken: 0, refused: 0 };
    for (let index = 0; index < 400; index++) {
      const text = randomGrammar(random);
      const { grammar, source } = read(text) ?? {};
      if (grammar === undefined || source === undefined) continue;
      const used = realBeginnings(grammar).groups.flat();
      const isHarmful = used.some((rule) => [0, Infinity].includes(placesOf(rule)));
      expect(isRefused(grammar, source), text).toBe(isHarmful);
      counts[isHarmful ? "refused" : "taken"]++;
    }
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(25);
  },
);

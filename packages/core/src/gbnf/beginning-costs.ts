import { type Beginnings, beginningLength } from "./beginnings.ts";
import type { FlatGrammar, FlatRule, FlatUnit } from "./flat-rule.ts";
import type { GbnfSource } from "./gbnf-source.ts";

const most = {
  /** Elements that llama.cpp passes when it looks for left recursion: it goes through what is shared anew on every way to it. */
  steps: 10_000_000,
  /** Rules at the beginning of one another: it does so by recursion. */
  depth: 4_000,
  /** Places that the output can go on at; each is compared with those before it, and with every token. */
  kept: 3_000,
  /** Elements of the stacks that lead there. */
  elements: 1_000_000,
  /** Each generation copies the places at the start, looking each of their elements up among those of the grammar. */
  copySteps: 60_000_000,
};

function refuse({ name, at }: FlatRule, source: GbnfSource): never {
  const what = `Rule ${name.slice(0, 64)} can begin in too many ways, or too deep in other rules`;
  source.refuse(at, `${what}; write what alternatives have in common once, as in a ("+" b | "-" c) for a "+" b | a "-" c.`);
}

/**
 * Refuses what llama.cpp's own look-out for left recursion, of which there is none, takes too long for.
 * @param beginnings as it knows them
 * @throws AppError `invalid_request`
 */
export function checkLookOut({ rules }: FlatGrammar, { first, groups }: Beginnings, source: GbnfSource): void {
  const stepsOf = rules.map(({ size }) => size);
  const depthOf = rules.map(() => 1);
  for (const rule of groups.flat()) {
    let steps = rule.size;
    let depth = 1;
    for (const { id } of first[rule.id] ?? []) {
      steps += stepsOf[id] ?? 0;
      depth = Math.max(depth, 1 + (depthOf[id] ?? 0));
    }
    if (steps > most.steps || depth > most.depth) refuse(rule, source);
    stepsOf[rule.id] = steps;
    depthOf[rule.id] = depth;
  }
  const isPassed = rules.map(() => false);
  let steps = 0;
  for (const rule of rules) {
    if (isPassed[rule.id]) continue;
    steps += stepsOf[rule.id] ?? 0;
    if (steps > most.steps) refuse(rule, source);
    const found = [rule];
    // The list grows while it is gone through.
    for (const { id } of found) {
      for (const target of first[id] ?? []) {
        if (isPassed[target.id]) continue;
        isPassed[target.id] = true;
        found.push(target);
      }
    }
  }
}

/** Stacks by which llama.cpp knows where the output can go on. */
interface Ways {
  count: number;
  elements: number;
  /** Those that end at a character or a token; the others only lead there. */
  kept: number;
  keptElements: number;
}

const character: Ways = { count: 1, elements: 1, kept: 1, keptElements: 1 };

function noWays(): Ways {
  return { count: 0, elements: 0, kept: 0, keptElements: 0 };
}

function isTooMuch({ kept, elements }: Ways): boolean {
  return kept > most.kept || elements > most.elements;
}

/** Adds those of a unit of an alternative; a rule is an element of each of its own if more is to come behind it. */
function addUnit(ways: Ways, known: readonly Ways[], option: readonly FlatUnit[], index: number): void {
  const unit = option[index] ?? null;
  const { count, elements, kept, keptElements } = (unit === null ? character : known[unit.id]) ?? character;
  const itself = unit === null ? 0 : 1;
  const behind = unit !== null && index < option.length - 1 ? 1 : 0;
  ways.count += itself + count;
  ways.elements += itself + elements + behind * count;
  ways.kept += kept;
  ways.keptElements += keptElements + behind * kept;
}

/** By id: the ways that each rule begins in. Rules that begin with each other have theirs in common. */
function waysOf({ rules }: FlatGrammar, { isEmpty, groups }: Beginnings, source: GbnfSource): Ways[] {
  const known = rules.map(noWays);
  for (const members of groups) {
    const ways = noWays();
    for (const { options } of members) {
      for (const option of options) {
        const length = beginningLength(option, isEmpty);
        for (let index = 0; index < length; index++) addUnit(ways, known, option, index);
      }
    }
    const [rule] = members;
    if (rule !== undefined && isTooMuch(ways)) refuse(rule, source);
    for (const { id } of members) known[id] = ways;
  }
  return known;
}

/**
 * Refuses what has too many ways to begin, or to go on behind a character.
 * @param beginnings as they are
 * @throws AppError `invalid_request`
 */
export function checkWays(grammar: FlatGrammar, beginnings: Beginnings, source: GbnfSource): void {
  const { rules, root } = grammar;
  const known = waysOf(grammar, beginnings, source);
  const elements = rules.reduce((total, { size }) => total + size, 0);
  if ((known[root.id]?.keptElements ?? 0) * elements > most.copySteps) refuse(root, source);
  for (const rule of beginnings.groups.flat()) {
    for (const option of rule.options) {
      let ways = noWays();
      for (const [index, unit] of option.entries()) {
        addUnit(ways, known, option, index);
        if (isTooMuch(ways)) refuse(rule, source);
        if (unit === null || !beginnings.isEmpty[unit.id]) ways = noWays();
      }
    }
  }
}

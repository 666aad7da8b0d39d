import { components } from "./components.ts";
import type { FlatGrammar, FlatRule, FlatUnit } from "./flat-rule.ts";

/** What the rules of a grammar can begin with. */
export interface Beginnings {
  /** By id: whether a rule can stand for nothing, so that what is behind it is at the beginning too. */
  isEmpty: readonly boolean[];
  /** By id: the rules that a rule can begin with, as often as it can. */
  first: readonly (readonly FlatRule[])[];
  /** Rules that can begin with each other, each group behind those that it begins with. */
  groups: readonly (readonly FlatRule[])[];
}

/** How many units stand at the beginning of an alternative: one, and the next where what is before can be empty. */
export function beginningLength(option: readonly FlatUnit[], isEmpty: readonly boolean[]): number {
  const end = option.findIndex((unit) => unit === null || !isEmpty[unit.id]);
  return end === -1 ? option.length : end + 1;
}

function firstRules({ options }: FlatRule, isEmpty: readonly boolean[]): FlatRule[] {
  const first: FlatRule[] = [];
  for (const option of options) {
    for (const unit of option) {
      if (unit !== null) first.push(unit);
      if (unit === null || !isEmpty[unit.id]) break;
    }
  }
  return first;
}

function beginnings(grammar: FlatGrammar, isEmpty: readonly boolean[], rules: Iterable<FlatRule>): Beginnings {
  const first = grammar.rules.map((rule) => firstRules(rule, isEmpty));
  return { isEmpty, first, groups: components(rules, first) };
}

function hasNothing({ options }: FlatRule): boolean {
  return options.some((option) => option.length === 0);
}

/** As llama.cpp's look-out for left recursion knows them: rules are empty that have an alternative of nothing, and no others. */
export function plainBeginnings(grammar: FlatGrammar): Beginnings {
  return beginnings(grammar, grammar.rules.map(hasNothing), grammar.rules);
}

/** As they are, of the rules that the output may be made by. */
export function realBeginnings(grammar: FlatGrammar): Beginnings {
  return beginnings(grammar, possiblyEmpty(grammar.rules), usedRules(grammar));
}

/** The rules that the output may be made by. */
function usedRules({ rules, root }: FlatGrammar): FlatRule[] {
  const used = [root];
  const isUsed = rules.map((rule) => rule === root);
  // The list grows while it is gone through.
  for (const { options } of used) {
    for (const option of options) {
      for (const unit of option) {
        if (unit === null || isUsed[unit.id]) continue;
        isUsed[unit.id] = true;
        used.push(unit);
      }
    }
  }
  return used;
}

interface Waiting {
  rule: FlatRule;
  /** Units of an alternative of the rule that are not known to be empty. */
  missing: number;
}

const nobody: Waiting[] = [];

/** By id: also rules that have an alternative of rules that can all stand for nothing. */
function possiblyEmpty(rules: readonly FlatRule[]): boolean[] {
  const isEmpty = rules.map(hasNothing);
  const found = rules.filter(({ id }) => isEmpty[id]);
  /** By id: whom it helps that a rule is empty. */
  const waiting = rules.map(() => nobody);
  for (const rule of rules) {
    for (const option of rule.options) {
      if (option.includes(null)) continue;
      const state = { rule, missing: option.length };
      for (const unit of option) {
        const states = unit === null ? nobody : waiting[unit.id];
        if (states !== nobody) states?.push(state);
        else if (unit !== null) waiting[unit.id] = [state];
      }
    }
  }
  // The list grows while it is gone through.
  for (const { id } of found) {
    for (const state of waiting[id] ?? nobody) {
      if (--state.missing > 0 || isEmpty[state.rule.id]) continue;
      isEmpty[state.rule.id] = true;
      found.push(state.rule);
    }
  }
  return isEmpty;
}

import type { FlatRule } from "./flat-rule.ts";

const UNSEEN = -1;
/** Of a rule whose group is complete. */
const DONE = Infinity;

/**
 * The groups of rules that lead to each other, each group behind those that it leads to (Tarjan's algorithm, without recursion:
 * ways may be as long as there are rules).
 * @param targets of each rule, by id
 */
export function components(rules: Iterable<FlatRule>, targets: readonly (readonly FlatRule[])[]): FlatRule[][] {
  /** By id: the order in which rules were come to. */
  const index = targets.map(() => UNSEEN);
  /** By id: the earliest rule whose group is not complete that this one leads to. */
  const low = targets.map(() => UNSEEN);
  /** By id: how many of its targets have been gone to. */
  const gone = targets.map(() => 0);
  const open: FlatRule[] = [];
  const path: FlatRule[] = [];
  const found: FlatRule[][] = [];
  let entered = 0;

  const enter = (rule: FlatRule) => {
    index[rule.id] = low[rule.id] = entered++;
    open.push(rule);
    path.push(rule);
  };
  const lead = (from: FlatRule, to: number) => {
    low[from.id] = Math.min(low[from.id] ?? DONE, to);
  };
  const leave = (rule: FlatRule) => {
    path.pop();
    const lowest = low[rule.id] ?? DONE;
    const from = path.at(-1);
    if (from !== undefined) lead(from, lowest);
    if (lowest !== index[rule.id]) return;
    const members = open.splice(open.lastIndexOf(rule));
    for (const { id } of members) index[id] = DONE;
    found.push(members);
  };

  for (const start of rules) {
    if (index[start.id] === UNSEEN) enter(start);
    for (let rule = path.at(-1); rule !== undefined; rule = path.at(-1)) {
      const next = gone[rule.id] ?? 0;
      const target = targets[rule.id]?.[next];
      gone[rule.id] = next + 1;
      if (target === undefined) leave(rule);
      else if (index[target.id] === UNSEEN) enter(target);
      else lead(rule, index[target.id] ?? DONE);
    }
  }
  return found;
}

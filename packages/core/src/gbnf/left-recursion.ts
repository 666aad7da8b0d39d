import { type Beginnings, beginningLength } from "./beginnings.ts";
import type { FlatRule } from "./flat-rule.ts";
import type { GbnfSource } from "./gbnf-source.ts";

function refuse(members: readonly FlatRule[], source: GbnfSource): never {
  const [first, ...others] = new Map(members.map((rule) => [rule.name, rule])).values();
  const names = others.slice(0, 5).map(({ name }) => name.slice(0, 64));
  const way = names.length > 0 ? `, by way of ${names.join(", ")},` : "";
  const what = `Rule ${first?.name.slice(0, 64)}${way} begins with itself, directly or behind what can be empty (left recursion)`;
  const advice = 'Write a repetition, as in item ("," item)*, and repeat by * and + only what is not empty.';
  source.refuse(first?.at ?? 0, `${what}. ${advice}`);
}

/**
 * Refuses what llama.cpp refuses as left recursion, in any rule.
 * @throws AppError `invalid_request`
 */
export function refusePlainRecursion({ first, groups }: Beginnings, source: GbnfSource): void {
  for (const members of groups) {
    const [one] = members;
    if (members.length > 1 || (one !== undefined && first[one.id]?.includes(one))) refuse(members, source);
  }
}

/**
 * Refuses left recursion that llama.cpp does not find: it would expand such a rule until the memory is full, if more stands behind
 * where the rule comes again, or else find no character at all. A rule that comes again as the last of an alternative and has
 * others does no harm, as that of the outer repetition in ("a"* "b"*)*.
 * @throws AppError `invalid_request`
 */
export function refuseHiddenRecursion({ isEmpty, first, groups }: Beginnings, source: GbnfSource): void {
  /** By id: the number of a rule's group. */
  const groupOf = first.map(() => -1);
  /** By id: whether a rule comes to a character. */
  const isSpoken = first.map(() => false);
  for (const [group, members] of groups.entries()) {
    for (const { id } of members) groupOf[id] = group;
    const isOwn = (unit: FlatRule) => groupOf[unit.id] === group;
    const isGrowing = ({ options }: FlatRule) =>
      options.some((option) => {
        const length = Math.min(beginningLength(option, isEmpty), option.length - 1);
        return option.some((unit, index) => index < length && unit !== null && isOwn(unit));
      });
    const comesToCharacters = ({ options }: FlatRule) =>
      options.some((option) => {
        const length = beginningLength(option, isEmpty);
        return option.some((unit, index) => index < length && (unit === null || isSpoken[unit.id]));
      });
    if (members.some(isGrowing)) refuse(members, source);
    if (members.some(comesToCharacters)) for (const { id } of members) isSpoken[id] = true;
    else if (members.some(({ id }) => !isEmpty[id])) refuse(members, source);
  }
}

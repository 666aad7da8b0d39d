import { expect, test } from "vitest";
import { lines, refusal, times } from "../../test/grammar-refusal.ts";

const levels = (count: number, body: (next: string) => string, last: string) =>
  lines(...Array.from({ length: count }, (_, index) => `r${index} ::= ${body(`r${index + 1}`)}`), `r${count} ::= ${last}`);
const hidden = "s ::= t\nt ::= [ ]*";
/** In milliseconds, on the API's only thread. */
const LONGEST = 50;

test.each<[string, string, RegExp]>([
  ["repetitions that come to many rules", `root ::= ${'"a"{0,1999} '.repeat(500)}`, /more than 10000 rules/],
  ["as many of them as there is place for", `root ::= ${'"a"{0,1999} '.repeat(5_400)}`, /more than 10000 rules/],
  ["repetitions of a long text", `root ::= "${"a".repeat(60_000)}"{2000}`, /more than 10000 rules/],
  ["repetitions of many characters", `root ::= [${"a-c".repeat(21_000)}]{2000}`, /more than 10000 rules/],
  ["repetitions of a rule", `root ::= ${"a{2000} ".repeat(8_000)}\na ::= "a"`, /more than 10000 rules/],
  ["repetitions in a rule of a long name", `${"n".repeat(30_000)} ::= "a"{0,2000}\nroot ::= "a"`, /more than 10000 rules/],
  ["groups in one another", `root ::= ${"(".repeat(65_000)}`, /deeper than 256/],
  ["signs behind one another", `root ::= "a"${"?".repeat(65_000)}`, /More than 256 repetitions/],
  ["signs behind everything", `root ::= ${"a*".repeat(30_000)}\na ::= "a"`, /more than 10000 rules/],
  ["alternatives that double at each level", `root ::= r0\n${levels(60, (next) => `${next} | ${next}`, '"x"')}`, /too many ways/],
  ["the same with more behind", `root ::= r0\n${levels(60, (next) => `${next} "a" | ${next} "b"`, '"x"')}`, /too many ways/],
  [
    "the same behind what may be empty",
    `root ::= r0\n${levels(60, (next) => `s ${next} "a" | s ${next} "b"`, '"x"')}\n${hidden}`,
    /too many ways/,
  ],
  [
    "the same behind a character",
    `root ::= "a" r0\n${levels(60, (next) => `s ${next} "a" | s ${next} "b"`, '"x"')}\n${hidden}`,
    /too many ways/,
  ],
  [
    "the same, endlessly many times",
    `root ::= r0\n${levels(1_500, (next) => `s ${next} ${next} | s ${next} "b"`, '"x"')}\n${hidden}`,
    /too many ways/,
  ],
  ["rules deep in one another", `root ::= r0\n${levels(4_400, (next) => `${next}"x"`, '"x"')}`, /too deep/],
  ["rules deep in one another, without more behind", `root ::= r0\n${levels(4_400, (next) => next, '"x"')}`, /too deep/],
  ["a circle of thousands of rules", `root ::= r0\n${levels(4_000, (next) => next, "r0")}`, /by way of r1, r2/],
  ["thousands of words", `root ::= ${times(6_000, (index) => `"w${index}"`, "|")}`, /too many ways/],
  ["thousands of long words", `root ::= ${times(2_900, (index) => `"a long word ${index}"`, "|")}`, /too many ways/],
  ["thousands of rules that are not there", `root ::= ${times(11_000, (index) => `u${index}`, " ")}`, /no rule u0/],
  ["thousands of rules that may be empty", `root ::= ${"e ".repeat(20_000)}\ne ::= f | "a"\nf ::=`, /too many ways/],
  ["a text that is not closed", `root ::= "${"a".repeat(65_000)}`, /not closed/],
  ["lines of comments", "#\n".repeat(32_000), /no rule root/],
])("refuses %s before it takes long", (_name, grammar, says) => {
  expect(refusal(grammar)?.message.slice(0, 1_000)).toMatch(says);
  // Of several runs, that which the machine disturbed least.
  const fastest = Math.min(
    ...Array.from({ length: 5 }, () => {
      const begin = performance.now();
      refusal(grammar);
      return performance.now() - begin;
    }),
  );
  expect(fastest).toBeLessThan(LONGEST);
});

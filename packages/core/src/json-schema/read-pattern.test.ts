import { expect, test } from "vitest";
import { refusal } from "../../test/schema-refusal.ts";

const text = { type: "string" };
const pattern = (value: string, more = {}) => refusal({ ...text, pattern: value, ...more });

test.each([
  ...["", "a", "^a", "a$", "^$", "^a|b$", "^(a|b)?c*d+e{2}f{2,}g{2,4}$", "^(?:a)(?<name>b)$", "^a+?b*?c??d{1,2}?$"],
  ...["^[abc][^a-f][\\]\\-x-][-a][\\w-]$", "^\\d\\D\\w\\W\\s\\S.$", "^\\t\\n\\r\\f\\v\\0\\x41\\u0041\\u{1F600}\\ud83d\\ude00$"],
  ...[
    "^\\.\\/\\-\\$\\^\\(\\)\\[\\]\\{\\}\\|\\\\$",
    "^}]$",
    "^é日😀$",
    "^https?:\\/\\/[^\\s]+$",
    "^(([a-z0-9-]{1,63}\\.){1,10})[a-z]{2,63}$",
  ],
])("takes %s", (value) => expect(pattern(value)).toBeNull());

test.each([
  ...["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?i)a", "\\bA", "\\1", "(a)\\k<n>", "\\p{L}", "\\cA", "a^b", "(a$)", "(^a)", "a$b"],
  ...["(", "(a", ")", "[", "[a", "[]", "[z-a]", "[a-\\d]", "[[:alpha:]]", "*a", "a**", "a{2}{3}", "{2}", "a{", "a{x}", "a{2,1}"],
  ...["(a*)*", "(a?b?)+", "(a|){2}", "\\", "\\x4", "\\u{}", "\\u{110000}", "\\ud800", "(((a{1,90}){1,90}))"],
  `${"(".repeat(40)}a${")".repeat(40)}`,
])("refuses %s, and says where", (value) => {
  expect(pattern(value)?.path).toBe("pattern");
});

test("says what is wrong with one", () => {
  expect(pattern("^a(?=b)")?.message).toBe(
    "schema.pattern cannot be enforced: it looks ahead or behind, or sets flags, at character 5.",
  );
});

test.each<[string, object]>([
  ["^a+$", { minLength: 2, maxLength: 1e6 }],
  ["^a{1,2}b{1,2}$", { maxLength: 4 }],
  ["^[a-z0-9]+(-[a-z0-9]+)*$", { maxLength: 63 }],
  ["\\S", { minLength: 1, maxLength: 500 }],
  ["^a+$", { format: "date" }],
])("takes %s with %j", (value, more) => expect(pattern(value, more)).toBeNull());

test.each<[string, object, string]>([
  ["^a+b+$", { maxLength: 5_000 }, "put the lengths into it"],
  ["^a+b+$", { minLength: 5 }, "put the lengths into it"],
  ["^a{3}$", { minLength: 4 }, "allows no text between minLength and maxLength"],
  ["^(aa)+(bb)?$", { minLength: 3, maxLength: 3 }, "allows no text between minLength and maxLength"],
])("refuses %s with %j", (value, more, message) => expect(pattern(value, more)?.message).toContain(message));

test("refuses a second one for the same text", () => {
  expect(refusal({ allOf: [{ ...text, pattern: "a" }, { pattern: "b" }] })?.path).toBe("allOf.1.pattern");
  expect(refusal({ allOf: [{ ...text, pattern: "a" }, { pattern: "a" }] })).toBeNull();
});

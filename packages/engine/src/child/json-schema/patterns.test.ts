import { AppError, readJsonSchema } from "@llamero/core";
import { Gbnf, type Random, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import { schemaGrammar } from "./compile-schema.ts";

const quantifiers = ["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "+?"] as const;

function randomPattern(random: Random, depth: number): string {
  const inner = () => randomPattern(random, depth - 1);
  switch (random.below(depth > 0 ? 5 : 1)) {
    case 0:
      return random.pick(["a", "b", "-", "[ab]", "[^a]", "."]);
    case 1:
      return `(${inner()}|${inner()})`;
    case 2:
      return `(?:${inner()})${random.pick(quantifiers)}`;
    default:
      return inner() + inner();
  }
}

/** All texts of three characters up to a length. */
const texts = [""];
for (const text of texts) if (text.length < 5) texts.push(...["a", "b", "-"].map((character) => text + character));

test.each([1, 2, 3])("a pattern with its lengths takes just what a regular expression does, from seed %i", (seed) => {
  const random = seededRandom(seed);
  let taken = 0;
  for (let count = 0; count < 120; count++) {
    const pattern = `${random.pick(["^", "^", ""])}${randomPattern(random, 3)}${random.pick(["$", "$", ""])}`;
    const minLength = random.below(3);
    const lengths = random.chance(0.6) ? { minLength, maxLength: minLength + random.below(4) } : {};
    const { maxLength = Infinity } = lengths as { maxLength?: number };
    const fits = (text: string) => text.length <= maxLength && text.length >= (lengths.minLength ?? 0);
    const expected = texts.filter((text) => fits(text) && new RegExp(pattern, "u").test(text));
    const grammar = grammarOf({ type: "string", pattern, ...lengths });
    if (grammar === "nothing fits") expect(expected, pattern).toEqual([]);
    if (!(grammar instanceof Gbnf)) continue;
    taken++;
    expect(
      texts.filter((text) => grammar.accepts(JSON.stringify(text))),
      JSON.stringify({ pattern, ...lengths }),
    ).toEqual(expected);
  }
  expect(taken).toBeGreaterThan(60);
});

function grammarOf(schema: object): Gbnf | "nothing fits" | "refused" {
  try {
    return new Gbnf(schemaGrammar(readJsonSchema(schema, "schema")));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "unsupported_schema") throw error;
    return error.message.includes("allows no text") ? "nothing fits" : "refused";
  }
}

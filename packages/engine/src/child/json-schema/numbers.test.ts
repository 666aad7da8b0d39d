import { readJsonSchema } from "@llamero/core";
import { Gbnf, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import { schemaGrammar } from "./compile-schema.ts";

const grammarOf = (schema: object) => new Gbnf(schemaGrammar(readJsonSchema(schema, "schema")));

function expectTexts(grammar: Gbnf, takes: readonly (string | number)[], refuses: readonly (string | number)[]): void {
  for (const value of takes) expect(grammar.accepts(String(value)), `takes ${value}`).toBe(true);
  for (const value of refuses) expect(grammar.accepts(String(value)), `refuses ${value}`).toBe(false);
}

test("integers are those that every reader has exactly", () => {
  const takes = ["0", "-7", "999999999999999", "1700000000000000", "-8999999999999999"];
  expectTexts(grammarOf({ type: "integer" }), takes, ["-0", "007", "9007199254740993", "1.0", "1e3", "+1"]);
});

test.each<[object, number[], number[]]>([
  [{ minimum: -5, maximum: 120 }, [-5, 0, 7, 99, 120], [-6, 121, 1000]],
  [{ exclusiveMinimum: 9, exclusiveMaximum: 1001 }, [10, 99, 1000], [9, 1001, 0, -10]],
  [{ minimum: 7 }, [7, 10, 8e15], [6, 0, -7]],
  [{ maximum: -13 }, [-13, -20, -8e15], [-12, 0, 13]],
  [{ minimum: 0.5, maximum: 2.5 }, [1, 2], [0, 3]],
  [{ maximum: 1e300, minimum: 12_345_678 }, [12_345_678, 12_345_679, 99_999_999], [12_345_677, 1_234_567]],
  [{ minimum: 3, exclusiveMinimum: true }, [4], [3]],
])("integers of %j", (bounds, takes, refuses) => expectTexts(grammarOf({ type: "integer", ...bounds }), takes, refuses));

test.each<[object, string[], string[]]>([
  [{}, ["-0", "1.50", "1e5", "1E-05", "0.1234567890123456"], ["01", ".5", "1.", "1e100", "-", "0x1", "NaN"]],
  [
    { minimum: 0, maximum: 1 },
    ["0", "0.5", "1", "1.0", "0.000", "0.99999999999999"],
    ["-0.1", "1.1", "1.00000000000001", "1e-3"],
  ],
  [{ exclusiveMinimum: 0 }, ["0.00001", "1", "12.5"], ["0", "0.0", "-1"]],
  [{ exclusiveMaximum: 1 }, ["0.9", "-5", "0", "-0.5"], ["1", "1.0", "1.5"]],
  [{ minimum: -90, maximum: 90 }, ["-90", "-90.0", "-89.99", "90", "0.1", "-0.5"], ["-90.1", "90.01", "91", "-0"]],
  [{ minimum: 1.25, maximum: 1.5 }, ["1.25", "1.250", "1.3", "1.5"], ["1", "1.2", "1.249", "1.51", "1.6"]],
  [{ minimum: 1e-7 }, ["0.0000001", "1"], ["0", "0.00000009"]],
  [{ multipleOf: 1, minimum: 3 }, ["3", "10"], ["3.5", "2"]],
])("numbers of %j", (bounds, takes, refuses) => expectTexts(grammarOf({ type: "number", ...bounds }), takes, refuses));

test.each([1, 2])("a range takes just the numbers in it, from seed %i", (seed) => {
  const random = seededRandom(seed);
  for (let count = 0; count < 40; count++) {
    const [type, unit, digits] = random.pick([
      ["integer", 1, 0],
      ["number", 100, 2],
    ]);
    const [low, high] = [random.below(2_400) - 1_200, random.below(2_400) - 1_200].sort((a, b) => a - b) as [number, number];
    const grammar = grammarOf({ type, minimum: low / unit, maximum: high / unit });
    for (let step = 0; step < 300; step++) {
      const value = step < 4 ? ([low - 1, low, high, high + 1][step] ?? 0) : random.below(2_600) - 1_300;
      const text = (value / unit).toFixed(digits).replace(/^-(0(\.0+)?)$/, "$1");
      expect(grammar.accepts(text), `${text} of ${low / unit} to ${high / unit}`).toBe(low <= value && value <= high);
    }
  }
});

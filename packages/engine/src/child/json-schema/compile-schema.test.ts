import { formatLengths, readJsonSchema, SchemaBudget } from "@llamero/core";
import { Gbnf, seededRandom } from "@llamero/testkit";
import { describe, expect, test } from "vitest";
import { inOneUnit, validatorOf } from "../../../test/json-validator.ts";
import { randomSchema } from "../../../test/random-schema.ts";
import { addSchema, schemaGrammar } from "./compile-schema.ts";
import { GrammarRules } from "./grammar-rules.ts";

const grammarOf = (schema: unknown) => new Gbnf(schemaGrammar(readJsonSchema(schema, "schema")));
const text = { type: "string" };
const pair = { type: "object", properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } } };

/** Texts that a schema's grammar takes, and others that it does not. */
const cases: Record<string, [schema: unknown, takes: string[], refuses: string[]][]> = {
  "properties in their order, optional ones or not": [
    [
      { ...pair, required: ["b"] },
      ['{"a":null,"b":null}', '{"b": null, "c": null}'],
      ["{}", '{"b":null,"a":null}', '{"b":null,}'],
    ],
    [pair, ["{}", '{"c":null}', '{"a":null,"c":null}'], ['{"d":null}', '{"a":null "b":null}', '{,"a":null}', '{"a":null']],
    [{ ...pair, required: ["a", "b", "c"] }, ['{"a":null,"b":null,"c":null}'], ['{"a":null,"b":null}']],
    [{ properties: { 'q"\\\n': true } }, ['{"q\\"\\\\\\n":1}'], ['{"q":1}']],
  ],
  "no white space but a space behind colons and commas": [
    [
      pair,
      ['{"a": null, "b": null}'],
      ['{ "a":null}', '{"a" :null}', '{"a":  null}', '{"a":null }', "{}\n", '{"a":null,\n"b":null}'],
    ],
    [{ items: { const: 1 } }, ["[1, 1]", "[1,1]"], ["[ 1]", "[1 ]", "[1 ,1]", "[1,1,]", "[,1]"]],
  ],
  "other properties where they are asked for": [
    [{ type: "object" }, ["{}", '{"x":[{"y":null}],"z":"\\u00e9"}'], ["[]", '{"":1}', '{"x"}']],
    [
      { ...pair, additionalProperties: { const: 1 } },
      ['{"d":1}', '{"a":null,"aa":1}', '{"b":null,"A":1}'],
      ['{"a":1}', '{"d":null}', '{"\\u0061":1}'],
    ],
    [{ ...pair, additionalProperties: false }, ["{}"], ['{"d":1}']],
    [{ properties: {} }, ["{}"], ['{"d":1}']],
    [{ additionalProperties: { const: 1 }, maxProperties: 2 }, ["{}", '{"a":1,"b":1}'], ['{"a":1,"b":1,"c":1}']],
    [{ additionalProperties: { const: 1 }, minProperties: 1 }, ['{"a":1}'], ["{}"]],
    [
      { properties: { a: { const: 1 } }, additionalProperties: { const: 1 }, minProperties: 2 },
      ['{"a":1,"b":1}'],
      ["{}", '{"a":1}', '{"b":1}'],
    ],
    [{ propertyNames: { pattern: "^[a-z]$" }, additionalProperties: { const: 1 } }, ['{"a":1,"b":1}'], ['{"A":1}', '{"aa":1}']],
    [
      { propertyNames: { enum: ["k", "l"] }, additionalProperties: { const: 1 } },
      ["{}", '{"k":1,"l":1}'],
      ['{"m":1}', '{"l":1,"k":1}'],
    ],
    [{ patternProperties: { "^x-": { const: 1 } }, additionalProperties: false }, ['{"x-a":1}'], ['{"y":1}']],
  ],
  "numbers of properties": [
    [{ ...pair, minProperties: 2 }, ['{"a":null,"c":null}', '{"a":null,"b":null,"c":null}'], ["{}", '{"b":null}']],
    [{ ...pair, maxProperties: 1 }, ["{}", '{"c":null}'], ['{"a":null,"b":null}']],
    [
      { ...pair, required: ["c"], minProperties: 2, maxProperties: 2 },
      ['{"a":null,"c":null}'],
      ['{"c":null}', '{"a":null,"b":null,"c":null}'],
    ],
    [{ ...pair, required: ["a", "b"], minProperties: 1 }, ['{"a":null,"b":null}'], ['{"a":null}']],
  ],
  arrays: [
    [{ type: "array" }, ["[]", '[1,"a",null,{}]'], ["{}"]],
    [{ items: { const: 1 }, minItems: 2, maxItems: 3 }, ["[1,1]", "[1,1,1]"], ["[1]", "[1,1,1,1]"]],
    [{ items: { const: 1 }, maxItems: 0 }, ["[]"], ["[1]"]],
    [{ prefixItems: [{ const: 1 }, { const: 2 }] }, ["[1,2]"], ["[]", "[1]", "[1,2,3]"]],
    [{ prefixItems: [{ const: 1 }, { const: 2 }], maxItems: 1 }, ["[1]"], ["[]", "[1,2]"]],
    [{ prefixItems: [{ const: 1 }], items: { const: 3 }, minItems: 2 }, ["[1,3]", "[1,3,3]"], ["[1]", "[1,2]"]],
    [{ items: [{ const: 1 }], additionalItems: { const: 3 } }, ["[1]", "[1,3]"], ["[3]"]],
    [{ items: false }, ["[]"], ["[1]"]],
  ],
  strings: [
    [text, ['""', '"é日😀\\n\\u00e9\\/"'], ['"', '"\n"', '"\\ud83d"', '"\\x"', "a"]],
    [{ minLength: 2, maxLength: 3 }, ['"ab"', '"😀é\\n"'], ['"a"', '"abcd"', '""']],
    [{ maxLength: 0 }, ['""'], ['"a"']],
    [{ minLength: 300 }, [`"${"a".repeat(300)}"`, `"${"a".repeat(999)}"`], [`"${"a".repeat(299)}"`]],
    [{ maxLength: 300 }, ['""', `"${"a".repeat(17)}"`, `"${"a".repeat(300)}"`], [`"${"a".repeat(301)}"`]],
    [{ maxLength: Number.MAX_SAFE_INTEGER }, [`"${"a".repeat(300)}"`], []],
  ],
  patterns: [
    [{ pattern: "^[A-Z]{2}\\d?$" }, ['"AB"', '"AB1"'], ['"A"', '"AB12"', '"xAB"', '""']],
    [{ pattern: "b" }, ['"b"', '"abc"', '"b\\n"'], ['"a"', '""']],
    [{ pattern: "^a|b$" }, ['"ax"', '"xb"', '"a"'], ['"xa"', '"bx"']],
    [{ pattern: "^(ab|c){2,3}$" }, ['"abc"', '"ccc"'], ['"c"', '"cccc"']],
    [{ pattern: "^.$" }, ['"é"', '"😀"', '"\\""', '"\\\\"', '"\\t"'], ['"\\n"', '""', '"ab"']],
    [{ pattern: "^[^a]$" }, ['"b"', '"\\n"', '"日"'], ['"a"', '"\\u0061"', '"\\u0001"']],
    [{ pattern: '^"\\n\\\\$' }, ['"\\"\\n\\\\"'], ['""']],
    [{ pattern: "" }, ['""', '"a"'], ["1"]],
    [{ pattern: "^$" }, ['""'], ['"a"']],
    [{ pattern: "^[a-z]+$", minLength: 2, maxLength: 3 }, ['"ab"', '"abc"'], ['"a"', '"abcd"']],
    [{ pattern: "^[\\0-\\x01]$" }, ['"\\u0000"', '"\\u0001"'], ['"\\u0002"']],
    [
      { pattern: "^[a-z]+(-[a-z]+)*$", minLength: 3, maxLength: 5 },
      ['"abc"', '"a-b-c"', '"ab-c"'],
      ['"ab"', '"abcdef"', '"a--b"', '"abc-"'],
    ],
    [{ pattern: "b", minLength: 2, maxLength: 3 }, ['"ab"', '"bbb"', '"xby"'], ['"b"', '"aa"', '"aaab"']],
    [{ pattern: "^a{1,3}(b|cd)?$", maxLength: 3 }, ['"a"', '"acd"', '"aab"'], ['"aacd"', '"aaab"', '""']],
    [{ pattern: "^[a-z]([a-z-]*[a-z])?$", maxLength: 4 }, ['"a"', '"ab"', '"a--b"'], ['"a-"', '"abcde"']],
  ],
  formats: [
    [
      { ...text, format: "date" },
      ['"2024-02-29"', '"2000-02-29"', '"1999-12-31"'],
      ['"2023-02-29"', '"1900-02-29"', '"2024-04-31"', '"24-01-01"'],
    ],
    [{ ...text, format: "time" }, ['"23:59:59Z"', '"00:00:00.123+05:30"'], ['"24:00:00Z"', '"12:00:00"', '"12:00Z"']],
    [{ ...text, format: "date-time" }, ['"2024-02-29T12:00:00Z"'], ['"2024-02-29 12:00:00Z"', '"2024-02-29"']],
    [
      { ...text, format: "uuid" },
      ['"123e4567-e89b-12d3-a456-426614174000"'],
      ['"123e4567-e89b-12d3-a456-42661417400"', '"123e4567e89b12d3a456426614174000"'],
    ],
    [
      { ...text, format: "email" },
      ['"john.doe+x@mail.example.co.uk"'],
      ['"john"', '"@example.com"', '"a@b"', '"a b@example.com"'],
    ],
    [{ ...text, format: "hostname" }, ['"localhost"', '"my-host-1.example.com"'], ['"-a.com"', '"a..b"', '"a b"']],
    [{ ...text, format: "ipv4" }, ['"127.0.0.1"', '"255.255.255.255"'], ['"256.0.0.1"', '"1.2.3"', '"01.2.3.4"']],
    [
      { ...text, format: "uri" },
      ['"https://example.com:8080/a/b?c=d&e#f"', '"s3://bucket/key"', '"file:///tmp/x"', '"mailto:a@b.c"', '"http://10.0.0.1/"'],
      ['"example.com"', '"http://"', '"https://a b"', '"http://a:99999/"'],
    ],
    [{ ...text, format: "email", maxLength: 3 }, ['"abc"'], ['"abcd"']],
    [{ ...text, format: "email", pattern: "^x$" }, ['"x"'], ['"a@b.cd"']],
    [{ ...text, format: "color" }, ['"any"'], []],
  ],
  "listed values": [
    [
      { enum: ["a", "ab", 1, 12, null, { x: [1, "y"] }] },
      ['"a"', '"ab"', "1", "12", "null", '{"x":[1,"y"]}'],
      ['"b"', "2", '"a', '{"x": [1,"y"]}'],
    ],
    [{ const: "é\n😀" }, ['"é\\n😀"'], ['"é"']],
    [{ enum: [true, false] }, ["true", "false"], ["null"]],
    [{ ...text, enum: ["a", null], nullable: true }, ['"a"', "null"], ['"b"']],
  ],
  alternatives: [
    [{ anyOf: [text, { type: "null" }] }, ['"a"', "null"], ["1"]],
    [{ type: ["object", "null"], properties: { a: { const: 1 } } }, ["null", '{"a":1}', "{}"], ["[]"]],
    [{ type: "string", nullable: true, maxLength: 1 }, ["null", '"a"'], ['"ab"']],
    [{ ...pair, anyOf: [{ required: ["a"] }, { required: ["b"] }] }, ['{"a":null}', '{"b":null,"c":null}'], ["{}", '{"c":null}']],
    [{ type: "string", anyOf: [{ type: "integer" }, { maxLength: 1 }] }, ['"a"'], ["1", '"ab"']],
    [
      { allOf: [pair, { properties: { b: true, d: { const: 1 } }, required: ["d"] }] },
      ['{"d":1}', '{"a":null,"b":null,"d":1}'],
      ["{}", '{"b":1,"d":1}'],
    ],
    [
      {
        allOf: [
          { type: "number", minimum: 1 },
          { type: "integer", maximum: 4 },
        ],
      },
      ["1", "4"],
      ["0", "5", "1.5"],
    ],
  ],
  references: [
    [{ $defs: { a: { const: 1 } }, items: { $ref: "#/$defs/a" } }, ["[1]"], ["[2]"]],
    [{ properties: { a: { const: 1 }, b: { $ref: "#/properties/a" } } }, ['{"b":1}'], ['{"b":2}']],
    [
      { properties: { next: { anyOf: [{ $ref: "#" }, { type: "null" }] } }, required: ["next"] },
      ['{"next":{"next":null}}'],
      ["{}", "null"],
    ],
    [{ $defs: { a: pair }, $ref: "#/$defs/a", required: ["c"] }, ['{"c":null}'], ["{}"]],
    [
      {
        $defs: { u: { anyOf: [{ const: 1 }, { $ref: "#/$defs/v" }] }, v: { anyOf: [{ const: 2 }, { const: 1 }] } },
        $ref: "#/$defs/u",
      },
      ["1", "2"],
      ["3"],
    ],
  ],
};

describe.each(Object.entries(cases))("%s", (_name, rows) => {
  test.each(rows)("%j", (schema, takes, refuses) => {
    const grammar = grammarOf(schema);
    for (const value of takes) expect(grammar.accepts(value), `takes ${value.slice(0, 80)}`).toBe(true);
    for (const value of refuses) expect(grammar.accepts(value), `refuses ${value.slice(0, 80)}`).toBe(false);
  });
});

test("any value", () => {
  const grammar = grammarOf({});
  for (const value of ["null", "[]", '{"a":[1.5e3,{}]}', "true", '"x"', "-0.1"]) expect(grammar.accepts(value)).toBe(true);
  for (const value of ["", "01", "1.", "+1", "1e999", "nul", "[1,]"]) expect(grammar.accepts(value)).toBe(false);
});

test.each(Object.entries(formatLengths))(
  "texts of the format %s are as long as is said where lengths are read",
  (format, lengths) => {
    const [least, most] = grammarOf({ type: "string", format }).lengths();
    expect([least - 2, most - 2]).toEqual(lengths);
  },
);

test("schemas in one grammar share rules, and keep their own definitions", () => {
  const rules = new GrammarRules();
  const schema = (value: number) => ({
    $defs: { a: { type: "object", properties: { v: { const: value } } } },
    items: { $ref: "#/$defs/a" },
  });
  const names = [1, 2].map((value) => addSchema(rules, readJsonSchema(schema(value), "schema")));
  const grammar = new Gbnf(`root ::= ${names.join(" ")}\n${rules.finish()}`);
  expect(grammar.accepts('[{"v":1}][{"v":2}]')).toBe(true);
  expect(grammar.accepts('[{"v":2}][{"v":1}]')).toBe(false);
});

test("a grammar counts in few rules, and repeats nothing as often as llama.cpp refuses", () => {
  const grammar = schemaGrammar(readJsonSchema({ items: text, minItems: 4_321, maxItems: 1e9, maxLength: 5e5 }, "schema"));
  expect(new Gbnf(grammar).ruleCount).toBeLessThan(300);
  const repetitions = Array.from(grammar.matchAll(/\{(?:\d+,)?(\d+)\}/g), ([, most]) => Number(most));
  expect(Math.max(...repetitions)).toBeLessThanOrEqual(16);
});

describe("random schemas", () => {
  const SCHEMAS = 150;
  test.each([1, 2, 3, 4])(
    "every text of a grammar fits its schema, and no grammar is longer than was foreseen, from seed %i",
    (seed) => {
      const random = seededRandom(seed * 1_000_003);
      for (let index = 0; index < SCHEMAS; index++) {
        const schema = randomSchema(random);
        const budget = new SchemaBudget();
        const text = schemaGrammar(readJsonSchema(schema, "schema", budget));
        expect(text.length, JSON.stringify(schema)).toBeLessThanOrEqual(budget.grammarLength);
        const grammar = new Gbnf(text);
        const validate = validatorOf(schema);
        for (let count = 0; count < 4; count++) {
          const sample = grammar.sample(random);
          const { error } = validate(JSON.parse(inOneUnit(sample)));
          expect(error, `${JSON.stringify(schema)} has ${sample}`).toBeUndefined();
          if (sample.length < 200) expect(grammar.accepts(sample)).toBe(true);
        }
      }
    },
  );
});

import { readJsonSchema, SchemaBudget } from "@llamero/core";
import { Gbnf, seededRandom } from "@llamero/testkit";
import { describe, expect, test } from "vitest";
import { inOneUnit, validatorOf } from "../../../test/json-validator.ts";
import { realSchemas } from "../../../test/real-schemas.ts";
import { schemaGrammar } from "./compile-schema.ts";

const SAMPLES = 60;

describe.each(Object.entries(realSchemas))("%s", (_name, schema) => {
  test("is taken, and every text of its grammar fits it", () => {
    const grammar = new Gbnf(schemaGrammar(readJsonSchema(schema, "schema")));
    const validate = validatorOf(schema);
    const random = seededRandom(7);
    for (let count = 0; count < SAMPLES; count++) {
      const text = inOneUnit(grammar.sample(random));
      expect(validate(JSON.parse(text)).error, text).toBeUndefined();
    }
  });
});

test("128 tools of that kind fit into one request", () => {
  const budget = new SchemaBudget();
  const schemas = Object.values(realSchemas);
  for (let index = 0; index < 128; index++) readJsonSchema(schemas[index % schemas.length], "schema", budget);
  expect(budget.grammarLength).toBeGreaterThan(0);
});

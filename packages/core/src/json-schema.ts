import { SchemaBudget } from "./json-schema/budget.ts";
import { isObject } from "./json-schema/keywords.ts";
import { refuse } from "./json-schema/refuse.ts";
import { SchemaReader } from "./json-schema/schema-reader.ts";
import type { SchemaDocument } from "./json-schema/shape.ts";

/**
 * Reads a JSON Schema into what a grammar can enforce of it, which is all of it: a constraint that is dropped in silence is a
 * wrong answer later, so what cannot be enforced is refused by name at submission. `json-schema/keywords.ts` has the keywords.
 * @param budget shared by the schemas of one request
 * @throws AppError `unsupported_schema`, with the path of the first keyword at fault as `param`
 */
export function readJsonSchema(schema: unknown, at: string, budget = new SchemaBudget()): SchemaDocument {
  if (!isObject(schema)) refuse(at, "must be an object.");
  return new SchemaReader({ schema, at }, budget).read();
}

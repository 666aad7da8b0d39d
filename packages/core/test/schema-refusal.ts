import { AppError } from "../src/errors.ts";
import { readJsonSchema } from "../src/json-schema.ts";

/** What a schema is refused for: the path after the root and the message; null when it is taken. */
export function refusal(schema: unknown): { path: string; message: string } | null {
  try {
    readJsonSchema(schema, "schema");
    return null;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "unsupported_schema" || error.param === null) throw error;
    return { path: error.param.replace(/^schema\.?/, ""), message: error.message };
  }
}

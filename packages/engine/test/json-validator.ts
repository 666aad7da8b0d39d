import { z } from "zod";

/**
 * Says whether a value fits a JSON Schema, by zod's reading of it. zod counts UTF-16 units where the specification counts
 * characters, so characters of two units are to be replaced before.
 */
export function validatorOf(schema: Record<string, unknown>): (value: unknown) => { success: boolean; error?: z.ZodError } {
  const type = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0], {
    defaultTarget: "definitions" in schema ? "draft-7" : "draft-2020-12",
  });
  return (value) => type.safeParse(value);
}

/** Text without characters of two UTF-16 units. */
export const inOneUnit = (text: string): string => text.replace(/[\u{10000}-\u{10ffff}]/gu, "x");

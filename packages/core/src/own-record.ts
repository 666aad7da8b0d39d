import { z } from "zod";

/**
 * Guards a `z.record` against an own key `__proto__`, which JSON can carry and zod 4 drops in silence: it is refused by name.
 * In JSON Schema it is the record itself.
 */
export function ownRecord<T extends z.ZodType<Record<string, unknown>>>(record: T) {
  return z.preprocess((value, context) => {
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"))
      context.addIssue({ code: "custom", message: "may not have a key of this name", path: ["__proto__"] });
    return value;
  }, record);
}

import type { Part } from "./keywords.ts";
import type { Count, Shape } from "./shape.ts";

/** The tightest of the bounds that several schemas set on one count; `never` says so where they leave nothing. */
export function countOf(parts: readonly Part[], least: string, most: string): { count: Count; never: Shape | null } {
  const given = (keyword: string) => parts.filter(({ schema }) => typeof schema[keyword] === "number");
  const values = (keyword: string) => given(keyword).map(({ schema }) => schema[keyword] as number);
  const limiting = given(most).map(({ at }) => `${at}.${most}`);
  const count = { least: Math.max(0, ...values(least)), most: limiting.length === 0 ? null : Math.min(...values(most)) };
  const never: Shape = { kind: "never", at: limiting[0] ?? "", why: `is less than ${least}.` };
  return { count, never: count.most !== null && count.most < count.least ? never : null };
}

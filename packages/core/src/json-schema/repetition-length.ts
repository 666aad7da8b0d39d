import type { Count } from "./shape.ts";

/** The base in which the grammar counts: a count of n takes rules for the digits of n, not n of them. */
export const COUNT_BASE = 16;

/** What one digit takes at most: a rule of about 40 characters for each value, twice. */
const DIGIT_LENGTH = 2 * COUNT_BASE * 40;

/** An upper bound of what counting adds to the grammar. */
export function repetitionLength({ least, most }: Count): number {
  const digits = Math.ceil(Math.log(Math.max(least, (most ?? least) - least, 1) + 1) / Math.log(COUNT_BASE));
  return 80 + (digits - 1) * DIGIT_LENGTH + digits * 40;
}

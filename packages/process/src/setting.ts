import type { z } from "zod";

export const processNames = ["api", "worker", "dispatcher", "cli"] as const;
export type ProcessName = (typeof processNames)[number];

export interface Setting {
  /** Parses the variable's text; a default makes it optional. */
  readonly schema: z.ZodType;
  /** Completes the sentence "must be …". */
  readonly allowed: string;
  readonly description: string;
  readonly readBy: readonly ProcessName[];
  /** Stands in the table in the place of the schema's default. */
  readonly defaultNote?: string;
  /** True when the value must never be printed. */
  readonly secret?: boolean;
}

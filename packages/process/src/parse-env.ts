import { AppError } from "@llamero/core";
import type { z } from "zod";

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads a process's configuration. An empty variable counts as unset.
 *
 * @throws AppError `config_invalid`, whose message has one line per variable that is wrong.
 */
export function parseEnv<Schema extends z.ZodObject>(schema: Schema, env: Env): z.output<Schema> {
  const values = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const wrong = Map.groupBy(parsed.error.issues, (issue) => String(issue.path[0]));
  const lines = Array.from(wrong, ([name, issues]) => `  ${complaint(schema, name, values[name], issues)}`);
  throw new AppError(
    "config_invalid",
    ["The configuration is not valid. Change these environment variables:", ...lines].join("\n"),
  );
}

function complaint(schema: z.ZodObject, name: string, value: string | undefined, issues: readonly z.core.$ZodIssue[]): string {
  const { allowed, secret } = schema.shape[name]?.meta() ?? {};
  const rule = typeof allowed === "string" ? `must be ${allowed}` : issues[0]?.message;
  if (value === undefined) return `${name} is not set: ${rule}`;
  return secret === true ? `${name}${entriesOf(issues)}: ${rule}` : `${name}=${JSON.stringify(value)}: ${rule}`;
}

/** Which entries of a list are at fault, for a value that is not shown. */
function entriesOf(issues: readonly z.core.$ZodIssue[]): string {
  const numbers = issues.flatMap(({ path: [, index] }) => (typeof index === "number" ? [index + 1] : []));
  return numbers.length === 0 ? "" : `, entry ${Array.from(new Set(numbers)).join(" and ")}`;
}

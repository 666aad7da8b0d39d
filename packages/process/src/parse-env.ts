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
  const wrong = new Map(parsed.error.issues.map((issue) => [String(issue.path[0]), issue.message]));
  const lines = [...wrong].map(([name, message]) => `  ${complaint(schema, name, values[name], message)}`);
  throw new AppError(
    "config_invalid",
    ["The configuration is not valid. Change these environment variables:", ...lines].join("\n"),
  );
}

function complaint(schema: z.ZodObject, name: string, value: string | undefined, message: string): string {
  const { allowed, secret } = schema.shape[name]?.meta() ?? {};
  const rule = typeof allowed === "string" ? `must be ${allowed}` : message;
  if (value === undefined) return `${name} is not set: ${rule}`;
  return secret === true ? `${name}: ${rule}` : `${name}=${JSON.stringify(value)}: ${rule}`;
}

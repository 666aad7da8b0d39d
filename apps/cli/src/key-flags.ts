import { AppError, type KeyLimits, type KeyScope, keyLimitsSchema, keyScopeSchema, keyScopes, ownerSchema } from "@llamero/core";
import type { Command } from "commander";
import { z } from "zod";

/** @throws AppError `config_invalid` */
export function parseOwner(owner: string): string {
  const parsed = ownerSchema.safeParse(owner);
  if (!parsed.success) throw new AppError("config_invalid", `--owner ${parsed.error.issues[0]?.message ?? "is not valid"}.`);
  return parsed.data;
}

const scopesSchema = z.array(keyScopeSchema).min(1);

/** @throws AppError `config_invalid` */
export function parseScopes(list: string): KeyScope[] {
  const parsed = scopesSchema.safeParse(list.split(",").map((scope) => scope.trim()));
  if (!parsed.success) throw new AppError("config_invalid", `--scopes takes a comma-separated list of ${keyScopes.join(", ")}.`);
  return parsed.data;
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90d`, `12h`, `30m` → milliseconds. @throws AppError `config_invalid` */
export function parseDuration(flag: string, text: string): number {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count === undefined) throw new AppError("config_invalid", `${flag} takes a time such as 90d, 12h or 30m, not "${text}".`);
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

export interface LimitFlags {
  requestsPerMinute?: string;
  tokensPerMinute?: string;
  maxWaiting?: string;
  maxRunning?: string;
}

export function addLimitOptions(command: Command): Command {
  return command
    .option("--requests-per-minute <count>", "jobs that may be submitted with it a minute")
    .option("--tokens-per-minute <count>", "tokens, of prompts and completions")
    .option("--max-waiting <count>", "its jobs that may wait at a time")
    .option("--max-running <count>", "its jobs that may run at a time, over all models");
}

/** @throws AppError `config_invalid` */
export function parseLimits({ requestsPerMinute, tokensPerMinute, maxWaiting, maxRunning }: LimitFlags): KeyLimits {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const limits = {
    requests_per_minute: number(requestsPerMinute),
    tokens_per_minute: number(tokensPerMinute),
    max_waiting: number(maxWaiting),
    max_running: number(maxRunning),
  };
  const parsed = keyLimitsSchema.safeParse(limits);
  if (parsed.success) return parsed.data;
  const field = String(parsed.error.issues[0]?.path[0]).replaceAll("_", "-");
  throw new AppError("config_invalid", `--${field} takes a whole number above 0.`);
}

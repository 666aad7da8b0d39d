import { WEBHOOK_SECRET_PREFIX, webhookSecretSchema } from "@llamero/core";
import { z } from "zod";

/** Webhook secrets that may sign side by side: a rotation takes two, and each makes the header longer. */
const MOST_WEBHOOK_SECRETS = 4;

/** Whole numbers in plain digits: no sign, exponent or spaces. */
export function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** As `integer`, with up to nine decimals. */
export function decimal(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}(\.\d{1,9})?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
}

/** Texts between commas; at least one. */
export function commaList() {
  return z.string().transform(splitCommas).pipe(z.array(z.string()).min(1));
}

/** `name=value` pairs between commas, percent-encoded. */
export function headerPairs() {
  const pair = z.string().regex(/^[\w!#$%&'*+.^`|~-]+=[^,]*$/);
  return z
    .string()
    .transform(splitCommas)
    .pipe(z.array(pair))
    .transform((pairs) =>
      Object.fromEntries(
        pairs.map((text) => [text.slice(0, text.indexOf("=")), decodeURIComponent(text.slice(text.indexOf("=") + 1))]),
      ),
    );
}

/** `all`, or the numbers of GPUs between commas. */
export function gpuList() {
  const indices = z.array(integer(0, 9_999)).min(1);
  return z.union([z.literal("all"), z.string().transform(splitCommas).pipe(indices)]);
}

/** `owner:key` pairs between commas. */
export function apiKeys() {
  const pair = z.string().regex(/^[A-Za-z0-9_-]{1,64}:[^\s,]{8,}$/);
  return z
    .string()
    .transform(splitCommas)
    .pipe(z.array(pair))
    .transform((pairs) =>
      pairs.map((text) => ({ owner: text.slice(0, text.indexOf(":")), key: text.slice(text.indexOf(":") + 1) })),
    );
}

/** Webhook secrets with commas or white space between, no two the same. */
export function webhookSecrets() {
  const bare = (secret: string) => secret.replace(WEBHOOK_SECRET_PREFIX, "");
  return z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ""))
    .pipe(z.array(webhookSecretSchema).min(1).max(MOST_WEBHOOK_SECRETS))
    .refine((secrets) => new Set(secrets.map(bare)).size === secrets.length);
}

function splitCommas(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

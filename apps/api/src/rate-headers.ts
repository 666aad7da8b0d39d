import type { KeyLimits } from "@llamero/core";
import type { RateLeft } from "@llamero/store";

const MINUTE = 60;

/**
 * What a key may do and what of it is left, in the headers that clients of OpenAI's API know: `x-ratelimit-limit-requests`,
 * `-remaining-` and `-reset-` (until the limit is whole again), and the same for tokens.
 */
export function rateHeaders(limits: KeyLimits, left: RateLeft): Record<string, string> {
  const pairs = [
    ["requests", limits.requests_per_minute, left.requests],
    ["tokens", limits.tokens_per_minute, left.tokens],
  ] as const;
  return Object.fromEntries(
    pairs.flatMap(([name, limit, remaining]) => {
      if (limit === undefined || remaining === null) return [];
      const reset = Math.ceil(((limit - remaining) * MINUTE) / limit);
      return [
        [`x-ratelimit-limit-${name}`, String(limit)],
        [`x-ratelimit-remaining-${name}`, String(Math.floor(remaining))],
        [`x-ratelimit-reset-${name}`, `${reset}s`],
      ];
    }),
  );
}

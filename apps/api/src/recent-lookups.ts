import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@llamero/core";
import type { Resolve } from "@llamero/webhooks";

/** How long an answer is used again, in milliseconds: a burst of jobs with one receiver asks once. */
const FRESH_MS = 10_000;
/** Names remembered. */
const REMEMBERED = 1_000;
/** Lookups under way at once. The system does a few at a time; beyond this, names count as unknown. */
const MOST_UNDER_WAY = 64;

export interface RecentLookupsOptions {
  resolve: Resolve;
  /** After which a name counts as unknown, in milliseconds. */
  timeoutMs: number;
  /** Milliseconds from whenever on; never goes back. */
  now: () => number;
}

/**
 * Resolves names and remembers for a while what came of it, failures included: a name whose DNS hangs costs its first caller the
 * timeout and the next ones nothing.
 */
export function recentLookups({ resolve, timeoutMs, now }: RecentLookupsOptions): Resolve {
  const recent = new Map<string, { addresses: Promise<readonly string[]>; askedAt: number }>();
  let underWay = 0;

  const ask = async (hostname: string): Promise<readonly string[]> => {
    if (underWay >= MOST_UNDER_WAY) throw unknown(hostname);
    underWay++;
    const lookup = resolve(hostname).finally(() => {
      underWay--;
    });
    return before(timeoutMs, lookup, hostname);
  };

  return (hostname) => {
    const seen = recent.get(hostname);
    if (seen !== undefined && now() - seen.askedAt < FRESH_MS) return seen.addresses;
    recent.delete(hostname);
    // A map gives its keys in the order in which they came.
    for (const oldest of recent.keys()) {
      if (recent.size < REMEMBERED) break;
      recent.delete(oldest);
    }
    const addresses = ask(hostname);
    recent.set(hostname, { addresses, askedAt: now() });
    return addresses;
  };
}

function unknown(hostname: string): AppError {
  return new AppError("internal_error", `${hostname} could not be looked up in time.`);
}

async function before<T>(timeoutMs: number, promise: Promise<T>, hostname: string): Promise<T> {
  const answered = new AbortController();
  const tooLate = delay(timeoutMs, undefined, { signal: answered.signal, ref: false }).then(() => {
    throw unknown(hostname);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    // The timer's rejection has a reader already: the race.
    answered.abort();
  }
}

import { type Aliases, type ModelEntry, type ModelsHealth, needsHealth, queueSlug } from "@llamero/core";
import type { Redis } from "ioredis";
import { drainRate } from "./drain-rate.ts";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";

/** What keeps jobs from a model that fails: `open` lets none through, `half` one at a time. lua/breaker.lua says how they follow. */
export type RouteBreakerState = "open" | "half";

export interface RouteBreaker {
  state: RouteBreakerState;
  /** The error that opened it. */
  code: string;
  /** When a job may try again, milliseconds since the epoch; null while one may. */
  untilMs: number | null;
}

/** Breakers that are not closed, by queue. */
export async function readBreakers(redis: Redis, keys: Keys): Promise<Map<string, RouteBreaker>> {
  return guarded(async () => {
    const states = Object.entries(await redis.hgetall(keys.breakers));
    const details = await Promise.all(states.map(([queue]) => redis.hmget(keys.breaker(queue), "code", "until_ms")));
    return new Map(
      states.map(([queue, state], index) => {
        const [code, untilMs] = details[index] ?? [];
        const isOpen = state === "open";
        return [queue, { state: isOpen ? "open" : "half", code: code ?? "", untilMs: isOpen ? Number(untilMs) : null }];
      }),
    );
  });
}

/** Seconds until what waits in a queue has ended, at the rate of late; null where nothing has, and 0 where nothing waits. */
async function waitOf(redis: Redis, keys: Keys, queue: string): Promise<number | null> {
  const fields = ["high", "normal", "low"].map((priority) => `${queue}:${priority}`);
  const [waiting, { tokensPerSecond }] = await Promise.all([
    redis.hmget(keys.waitingTokens, ...fields),
    drainRate(redis, keys, queue),
  ]);
  const tokens = waiting.reduce((sum, each) => sum + Number(each ?? 0), 0);
  if (tokens === 0) return 0;
  return tokensPerSecond === 0 ? null : tokens / tokensPerSecond;
}

/**
 * How models are at the moment, for the decisions of the next half second. A half-open breaker lets one job try, so one is sent there: the
 * first that is asked about. Undefined where no alias goes by it.
 */
export async function readModelsHealth(
  redis: Redis,
  keys: Keys,
  catalogue: readonly ModelEntry[],
  aliases: Aliases,
): Promise<ModelsHealth | undefined> {
  if (!Object.keys(aliases).some((name) => needsHealth(aliases, name))) return undefined;
  const queues = new Map(catalogue.map(({ name, slug }) => [name, queueSlug(slug)]));
  const distinct = [...new Set(queues.values())];
  const [breakers, waits] = await Promise.all([
    readBreakers(redis, keys),
    guarded(() => Promise.all(distinct.map((queue) => waitOf(redis, keys, queue)))),
  ]);
  const wait = new Map(distinct.map((queue, index) => [queue, waits[index] ?? null]));
  const probed = new Set<string>();
  return {
    isOpen: (model) => {
      const queue = queues.get(model) ?? "";
      const state = breakers.get(queue)?.state;
      if (state !== "half" || probed.has(queue)) return state !== undefined;
      probed.add(queue);
      return false;
    },
    waitSeconds: (model) => wait.get(queues.get(model) ?? "") ?? null,
  };
}

import type { Redis } from "ioredis";
import type { Keys } from "../src/index.ts";

export type Fields = Record<string, string>;
export type Scores = Map<string, number>;

/** Everything in Redis, read once: strings, hashes, lists and sets by the part of their key after the base. */
export interface Snapshot {
  foreign: string[];
  strings: Map<string, string>;
  hashes: Map<string, Fields>;
  sets: Map<string, string[]>;
  lists: Map<string, string[]>;
  zsets: Map<string, Scores>;
  streams: Map<string, [string, string[]][]>;
  encodings: Map<string, string>;
}

export async function takeSnapshot(redis: Redis, keys: Keys): Promise<Snapshot> {
  const all = await redis.keys("*");
  const own = all.filter((key) => key.startsWith(keys.base));
  const snapshot: Snapshot = {
    foreign: all.filter((key) => !key.startsWith(keys.base)),
    strings: new Map(),
    hashes: new Map(),
    sets: new Map(),
    lists: new Map(),
    zsets: new Map(),
    streams: new Map(),
    encodings: new Map(),
  };
  await Promise.all(own.map((key) => readKey(redis, key, key.slice(keys.base.length), snapshot)));
  return snapshot;
}

async function readKey(redis: Redis, key: string, name: string, into: Snapshot): Promise<void> {
  switch (await redis.type(key)) {
    case "string":
      into.strings.set(name, (await redis.get(key)) ?? "");
      break;
    case "hash":
      into.hashes.set(name, await redis.hgetall(key));
      into.encodings.set(name, String(await redis.object("ENCODING", key)));
      break;
    case "set":
      into.sets.set(name, await redis.smembers(key));
      break;
    case "list":
      into.lists.set(name, await redis.lrange(key, 0, -1));
      break;
    case "zset":
      into.zsets.set(name, toScores(await redis.zrange(key, 0, "-1", "WITHSCORES")));
      break;
    case "stream":
      into.streams.set(name, (await redis.xrange(key, "-", "+")) as [string, string[]][]);
  }
}

function toScores(flat: readonly string[]): Scores {
  const scores: Scores = new Map();
  for (let i = 0; i + 1 < flat.length; i += 2) scores.set(flat[i] ?? "", Number(flat[i + 1]));
  return scores;
}

export function named<T>(map: Map<string, T>, prefix: string): [string, T][] {
  return Array.from(map)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value]);
}

export function without(all: ReadonlySet<string>, some: ReadonlySet<string>): string[] {
  return Array.from(all).filter((entry) => !some.has(entry));
}

/** Where what is counted in Redis is not what there is. */
export function differences(what: string, counted: ReadonlyMap<string, number>, told: Fields): string[] {
  return Array.from(new Set([...counted.keys(), ...Object.keys(told)]))
    .filter((name) => (counted.get(name) ?? 0) !== Number(told[name] ?? 0))
    .map((name) => `${counted.get(name) ?? 0} ${what} ${name}, and ${told[name]} are counted`);
}

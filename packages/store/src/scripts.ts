import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

/** Script → the shared pieces that stand before it. */
const parts = {
  accept: ["lib"],
  feed: ["lib"],
  claim: ["lib"],
  append: ["lib"],
  finish: ["lib"],
  cancel: ["lib"],
  remove: ["lib"],
  sweep: ["lib", "fleet"],
  beat: ["lib", "fleet"],
} as const;

export type ScriptName = keyof typeof parts;
export type ScriptArgs = readonly (string | number)[];
export type RunScript = (name: ScriptName, args: ScriptArgs) => Promise<unknown>;

interface Script {
  source: string;
  sha: string;
}

function load(name: ScriptName): Script {
  const source = [...parts[name], name]
    .map((piece) => readFileSync(new URL(`./lua/${piece}.lua`, import.meta.url), "utf8"))
    .join("");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** Reads the Lua sources once and gives a function that runs them by hash, sending the source only when Redis lacks it. */
export function createScripts(redis: Redis, base: string): RunScript {
  const scripts = Object.fromEntries((Object.keys(parts) as ScriptName[]).map((name) => [name, load(name)])) as Record<
    ScriptName,
    Script
  >;

  return (name, args) =>
    guarded(async () => {
      const { sha, source } = scripts[name];
      try {
        return await redis.evalsha(sha, 1, base, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return redis.eval(source, 1, base, ...args);
      }
    });
}

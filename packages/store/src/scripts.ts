import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

/** Script → the shared pieces that stand before it. */
const parts = {
  accept: ["lib", "backlog", "limits"],
  feed: ["lib", "backlog"],
  claim: ["lib", "backlog", "limits", "chunks", "jobs"],
  append: ["lib", "chunks"],
  events: ["lib"],
  finish: ["lib", "backlog", "limits", "chunks", "jobs"],
  cancel: ["lib", "backlog", "limits", "chunks", "jobs"],
  remove: ["lib", "deliveries", "erase"],
  sweep: ["lib", "backlog", "limits", "chunks", "jobs", "fleet", "deliveries", "erase"],
  beat: ["lib", "backlog", "limits", "chunks", "jobs", "fleet"],
  backlogs: ["lib", "backlog"],
  "change-key": ["lib"],
  "create-endpoint": ["lib"],
  "change-endpoint": ["lib"],
  "delete-endpoint": ["lib"],
  "open-delivery": ["lib", "deliveries"],
  "claim-delivery": ["lib", "deliveries"],
  "renew-attempts": ["lib", "deliveries"],
  "record-attempt": ["lib", "deliveries"],
  redeliver: ["lib", "deliveries"],
  "discard-deliveries": ["lib", "deliveries"],
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

/** Two ways to run scripts by hash; the source is sent only when Redis lacks it. */
export interface Scripts {
  /** Sends the call at once. */
  run: RunScript;
  /**
   * Sends all calls of one turn of the event loop in one pipeline: for many small writes that come together. A pipeline that a
   * broken connection cuts off is not sent again by ioredis: its calls are, one by one, so they have to bear being sent twice.
   */
  runTogether: RunScript;
}

/** Reads the Lua sources once. */
export function createScripts(redis: Redis, base: string): Scripts {
  const scripts = Object.fromEntries((Object.keys(parts) as ScriptName[]).map((name) => [name, load(name)])) as Record<
    ScriptName,
    Script
  >;
  const running =
    (call: (sha: string, args: ScriptArgs) => Promise<unknown>): RunScript =>
    (name, args) =>
      guarded(async () => {
        const { sha, source } = scripts[name];
        try {
          return await call(sha, args);
        } catch (error) {
          if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
          return redis.eval(source, 1, base, ...args);
        }
      });

  let pipeline: ReturnType<Redis["pipeline"]> | null = null;
  const together = (sha: string, args: ScriptArgs) => {
    const current = pipeline ?? redis.pipeline();
    if (pipeline === null)
      setImmediate(() => {
        pipeline = null;
        // Every command's own promise tells of its failure.
        void current.exec().catch(() => {});
      });
    pipeline = current;
    return new Promise<unknown>((resolve, reject) => {
      current.evalsha(sha, 1, base, ...args, (error: Error | null | undefined, reply: unknown) =>
        error ? reject(error) : resolve(reply),
      );
    }).catch((error: unknown) => {
      if (error instanceof Error && error.name === "ReplyError") throw error;
      return redis.evalsha(sha, 1, base, ...args);
    });
  };
  return { run: running((sha, args) => redis.evalsha(sha, 1, base, ...args)), runTogether: running(together) };
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

/** Shared pieces that scripts need together: to change which jobs wait, to take jobs in, and to end attempts and jobs. */
const waiting = ["lib", "lines", "backlog", "carriers", "window"] as const;
const asking = [...waiting, "rates", "limits", "chunks", "batch-lines", "answers", "twins", "chains"] as const;
const ending = [...asking, "breaker", "jobs", "routes"] as const;
const held = ["lib", "batch-lines", "held-batch"] as const;

/**
 * Script → its pieces, in their order, the script itself last.
 *
 * Those that run for every job are Redis functions, whose pieces are read once: a script makes every function of its pieces anew at
 * each call, a third of what `accept` took (34 and 22 microseconds, `npm run prove -- door`). A function is refused as a whole
 * while Redis is full or cannot write, so what has to work then too is a script.
 */
const functions = {
  accept: [...asking, "admission", "new-job", "accept"],
  "accept-superseding": [...ending, "admission", "supersede", "new-job", "accept"],
  "accept-lines": [...asking, "admission", "new-job", "held-batch", "accept-lines"],
  feed: [...waiting, "feed"],
  claim: [...ending, "affinity", "slots", "choose", "claim"],
  finish: [...ending, "reuse", "finish"],
  beat: [...ending, "affinity", "fleet", "beat"],
} as const;
const scripts = {
  append: ["lib", "chunks", "append"],
  events: ["lib", "events"],
  cancel: [...ending, "cancel"],
  remove: ["lib", "deliveries", "erase", "remove"],
  sweep: [...ending, "reuse", "affinity", "fleet", "deliveries", "erase", "sweep"],
  backlogs: ["lib", "lines", "backlogs"],
  "find-vectors": ["lib", "answers", "find-vectors"],
  "keep-vectors": ["lib", "answers", "keep-vectors"],
  "forget-answers": ["lib", "answers", "forget-answers"],
  "wish-worker": ["lib", "audit", "wish-worker"],
  "note-forgotten": ["lib", "audit", "note-forgotten"],
  "change-settings": [...waiting, "audit", "change-settings"],
  "change-key": [...waiting, "audit", "change-key"],
  "create-file": ["lib", "once", "files", "create-file"],
  "delete-file": ["lib", "files", "delete-file"],
  "sweep-files": ["lib", "files", "sweep-files"],
  "create-schedule": ["lib", "once", "create-schedule"],
  "change-schedule": ["lib", "change-schedule"],
  "note-run": ["lib", "note-run"],
  "create-batch": ["lib", "batch-lines", "once", "files", "create-batch"],
  "remove-batch": ["lib", "batch-lines", "files", "remove-batch"],
  "stop-batch": ["lib", "batch-lines", "stop-batch"],
  "claim-batches": ["lib", "batch-lines", "claim-batches"],
  "renew-batch": [...held, "renew-batch"],
  "release-batch": [...held, "release-batch"],
  "begin-batch": [...held, "begin-batch"],
  "add-segments": [...held, "add-segments"],
  "start-batch": [...held, "start-batch"],
  "open-segment": [...held, "open-segment"],
  "opened-segment": [...held, "opened-segment"],
  "refuse-line": [...held, "refuse-line"],
  "reuse-lines": [...held, "reuse-lines"],
  "begin-closing": [...held, "begin-closing"],
  "close-segment": [...held, "files", "close-segment"],
  "erase-lines": ["lib", "deliveries", "erase", "erase-lines"],
  "end-batch": [...held, "files", "end-batch"],
  "create-endpoint": ["lib", "create-endpoint"],
  "change-endpoint": ["lib", "change-endpoint"],
  "delete-endpoint": ["lib", "delete-endpoint"],
  "open-delivery": ["lib", "deliveries", "open-delivery"],
  "claim-delivery": ["lib", "deliveries", "claim-delivery"],
  "renew-attempts": ["lib", "deliveries", "renew-attempts"],
  "record-attempt": ["lib", "deliveries", "record-attempt"],
  redeliver: ["lib", "deliveries", "redeliver"],
  "discard-deliveries": ["lib", "deliveries", "discard-deliveries"],
} as const;

type FunctionName = keyof typeof functions;
type OnlyScriptName = keyof typeof scripts;
export type ScriptName = FunctionName | OnlyScriptName;
export type ScriptArgs = readonly (string | number)[];
export type RunScript = (name: ScriptName, args: ScriptArgs) => Promise<unknown>;

const read = (piece: string) => readFileSync(new URL(`./lua/${piece}.lua`, import.meta.url), "utf8");
const digest = (source: string) => createHash("sha1").update(source).digest("hex");

/** Something that Redis knows by a name once it has its source. */
interface Loaded {
  /** With this it is called, and its source sent. */
  name: string;
  source: string;
}

function loadScript(name: OnlyScriptName): Loaded {
  const pieces: readonly string[] = scripts[name];
  // Lua takes 200 locals in a function, which the pieces alone come near to: the script itself is one of its own.
  const source = [...pieces.slice(0, -1).map(read), "begin(KEYS)\nreturn (function()\n", read(name), "\nend)()\n"].join("");
  return { source, name: digest(source) };
}

/** A library of its own, named after what is in it: processes of two versions do not take each other's. */
function loadFunction(name: FunctionName): Loaded {
  const pieces: readonly string[] = functions[name];
  const [main = "", ...before] = pieces.toReversed();
  const body = `function(KEYS, ARGV)\nbegin(KEYS)\n${read(main)}\nend`;
  const library = before.toReversed().map(read).join("");
  const full = `llamero_${name.replaceAll("-", "_")}_${digest(library + body)}`;
  return { source: `#!lua name=${full}\n${library}\nredis.register_function('${full}', ${body})\n`, name: full };
}

/** Two ways to run scripts by hash; the source is sent only when Redis lacks it. */
export interface Scripts {
  /** Sends the call at once. */
  run: RunScript;
  /**
   * Sends all calls of one turn of the event loop in one pipeline: for many small writes that come together, by scripts alone. A
   * pipeline that a broken connection cuts off is not sent again by ioredis: its calls are, one by one, so they have to bear being
   * sent twice.
   */
  runTogether: (name: OnlyScriptName, args: ScriptArgs) => Promise<unknown>;
}

const isFunction = (name: ScriptName): name is FunctionName => Object.hasOwn(functions, name);

/** Reads the Lua sources once. */
export function createScripts(redis: Redis, base: string): Scripts {
  const loaded = new Map<ScriptName, Loaded>();
  for (const name of Object.keys(functions) as FunctionName[]) loaded.set(name, loadFunction(name));
  for (const name of Object.keys(scripts) as OnlyScriptName[]) loaded.set(name, loadScript(name));
  const load = (name: ScriptName): Loaded => loaded.get(name) as Loaded;

  const callFunction = async (name: ScriptName, args: ScriptArgs): Promise<unknown> => {
    const { name: full, source } = load(name);
    try {
      return await redis.fcall(full, 1, base, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("Function not found"))) throw error;
      await redis.function("LOAD", "REPLACE", source);
      return redis.fcall(full, 1, base, ...args);
    }
  };
  const callScript = async (
    call: (sha: string, args: ScriptArgs) => Promise<unknown>,
    name: ScriptName,
    args: ScriptArgs,
  ): Promise<unknown> => {
    const { name: sha, source } = load(name);
    try {
      return await call(sha, args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return redis.eval(source, 1, base, ...args);
    }
  };
  const alone = (sha: string, args: ScriptArgs) => redis.evalsha(sha, 1, base, ...args);

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
      return alone(sha, args);
    });
  };
  return {
    run: (name, args) => guarded(() => (isFunction(name) ? callFunction(name, args) : callScript(alone, name, args))),
    runTogether: (name, args) => guarded(() => callScript(together, name, args)),
  };
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processMessageSchema, type ReadyDetails } from "@llamero/process";

const entry = fileURLToPath(new URL("../../../apps/cli/src/main.ts", import.meta.url));

/** Tests ask for the same thing over and over, and mean that it is computed, unless they say otherwise. */
const COMPUTED = { LLAMERO_REUSE: "off" };

/** A line of a process's log, parsed. */
export type LogEntry = Record<string, unknown>;

/** A real `llamero api`, `worker` or `dispatcher`, started as `llamero dev` starts it. */
export interface LlameroProcess {
  child: ChildProcess;
  ready: ReadyDetails;
  /** All log entries so far. */
  log: readonly LogEntry[];
  /** SIGTERM and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
}

function parseLine(line: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return { msg: line };
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** Resolves with the ready message; rejects with the startup error's message, or the last of the log. */
function untilReady(child: ChildProcess, log: readonly LogEntry[]): Promise<ReadyDetails> {
  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      const parsed = processMessageSchema.parse(message);
      if (parsed.type === "ready") resolve(parsed);
      else reject(new Error(`${parsed.name}: ${parsed.message}`));
    });
    child.once("exit", (code) =>
      reject(new Error(`ended with code ${code} before it was ready: ${JSON.stringify(log.slice(-5))}`)),
    );
  });
}

/**
 * Starts a process of Llamero and waits until it is ready.
 * @param env added to this process's environment, and to `LLAMERO_REUSE=off`
 * @param file a module that stands in for the CLI and starts such a process otherwise
 */
export async function startLlamero(
  name: "api" | "worker" | "dispatcher",
  env: Record<string, string>,
  file: string = entry,
): Promise<LlameroProcess> {
  const child = fork(file, [name], {
    env: { ...process.env, ...COMPUTED, ...env },
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const log: LogEntry[] = [];
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => log.push(parseLine(line)));
  const ready = await untilReady(child, log).catch(async (error: unknown) => {
    await end(child, "SIGKILL");
    throw error;
  });
  return {
    child,
    ready,
    log,
    stop: async () => {
      await end(child, "SIGTERM");
      return child.exitCode;
    },
    kill: () => end(child, "SIGKILL"),
  };
}

import { setTimeout as pause } from "node:timers/promises";
import type { connectRedis } from "@llamero/store";

export type Connection = Awaited<ReturnType<typeof connectRedis>>;

export interface CommandStats {
  /** Calls by command since the server started, those from scripts included. */
  calls: Map<string, number>;
  /** Microseconds that Redis has spent in scripts. */
  scriptMicroseconds: number;
}

const entryCommands = ["evalsha", "eval", "fcall"];
const measuring = ["info", "ping", "config"];

async function info(redis: Connection, section: string): Promise<Map<string, string>> {
  const text = await redis.info(section);
  return new Map(
    text.split("\r\n").flatMap((line) => {
      const at = line.indexOf(":");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}

export async function redisVersion(redis: Connection): Promise<string> {
  return (await info(redis, "server")).get("redis_version") ?? "unknown";
}

export async function usedMemory(redis: Connection): Promise<number> {
  return Number((await info(redis, "memory")).get("used_memory"));
}

/** Waits until Redis does not rewrite its append-only file, which would take a core away. */
export async function settled(redis: Connection): Promise<void> {
  for (;;) {
    const state = await info(redis, "persistence");
    if (["aof_rewrite_in_progress", "aof_rewrite_scheduled"].every((name) => state.get(name) === "0")) return;
    await pause(100);
  }
}

export async function commandStats(redis: Connection): Promise<CommandStats> {
  const calls = new Map<string, number>();
  let scriptMicroseconds = 0;
  for (const [name, line] of await info(redis, "commandstats")) {
    const command = name.replace("cmdstat_", "");
    const number = (field: string) => Number(new RegExp(`\\b${field}=(\\d+)`).exec(line)?.[1]);
    calls.set(command, number("calls"));
    if (entryCommands.includes(command)) scriptMicroseconds += number("usec");
  }
  return { calls, scriptMicroseconds };
}

export interface CommandsPerJob {
  /** Sent by clients. */
  client: number;
  /** Made by scripts within Redis. */
  inScripts: number;
  /** The latter by command. */
  byCommand: Record<string, number>;
  scriptMicroseconds: number;
}

/** What happened between two readings, per job. */
export function perJob(before: CommandStats, after: CommandStats, jobs: number): CommandsPerJob {
  const result: CommandsPerJob = { client: 0, inScripts: 0, byCommand: {}, scriptMicroseconds: 0 };
  for (const [command, count] of after.calls) {
    const made = (count - (before.calls.get(command) ?? 0)) / jobs;
    if (made === 0 || measuring.includes(command)) continue;
    if (entryCommands.includes(command)) result.client += made;
    else {
      result.inScripts += made;
      result.byCommand[command] = made;
    }
  }
  result.scriptMicroseconds = (after.scriptMicroseconds - before.scriptMicroseconds) / jobs;
  return result;
}

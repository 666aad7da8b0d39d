import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { AppError } from "@llamero/core";

const oldestMajorVersion = 7;
const programs = ["redis-server", "valkey-server"] as const;

const run = promisify(execFile);

/**
 * The Redis or Valkey on PATH.
 *
 * @throws AppError `redis_start_failed` when there is none of version 7.0 or newer.
 */
export async function findRedisServer(): Promise<string> {
  for (const program of programs) {
    const output = await run(program, ["--version"]).catch(() => null);
    if (Number(/v=(\d+)\./.exec(output?.stdout ?? "")?.[1]) >= oldestMajorVersion) return program;
  }
  const message = [
    `There is no redis-server or valkey-server of version ${oldestMajorVersion}.0 or newer on PATH.`,
    "Install one with: node scripts/setup.mjs",
    "or use one that runs elsewhere: REDIS_URL=redis://host:6379 npm start",
  ];
  throw new AppError("redis_start_failed", message.join("\n"));
}

/**
 * Arguments of a Redis that serves one data folder: no TCP port, everything on disk within about a second
 * (`docs/durability.md` says what that means), and never a key dropped for want of memory.
 */
export function redisArguments(options: { readonly folder: string; readonly socket: string }): string[] {
  const settings = {
    port: "0",
    unixsocket: options.socket,
    unixsocketperm: "700",
    dir: options.folder,
    appendonly: "yes",
    appendfsync: "everysec",
    "maxmemory-policy": "noeviction",
    save: "",
    daemonize: "no",
    loglevel: "warning",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

const corrupt =
  /bad file format reading the append only file|unexpected end of file reading the append only file|aof.*(corrupt|format error)/i;
const full = /no space left|disk quota/i;
const denied = /permission denied|read-only file system/i;

/** Turns the last words of a Redis that did not start into what to do about it. */
export function explainRedisFailure(folder: string, program: string, lines: readonly string[]): AppError {
  const text = lines.join("\n");
  return new AppError("redis_start_failed", messageFor(folder, program, text));
}

function messageFor(folder: string, program: string, text: string): string {
  if (corrupt.test(text)) return corruptMessage(folder, program.replace("-server", "-check-aof"));
  if (full.test(text)) return `The disk of ${folder} is full, so Redis cannot start. Free some space, then start again.`;
  if (denied.test(text)) {
    return `Redis cannot read and write ${folder}. Give this user the folder, or choose another: DATA_DIR=/path/to/folder npm start`;
  }
  return `${program} did not start in ${folder}. Its last words were:\n${text.trim() === "" ? "(none)" : text}`;
}

function corruptMessage(folder: string, checker: string): string {
  const appendFolder = join(folder, "appendonlydir");
  return [
    `The Redis data in ${appendFolder} is damaged, so Redis refuses to start with it.`,
    "Make a copy, then cut it off where the damage begins (what was written after that is lost):",
    `  cp -r '${appendFolder}' '${appendFolder}.backup'`,
    `  ${checker} --fix '${join(appendFolder, "appendonly.aof.manifest")}'`,
  ].join("\n");
}

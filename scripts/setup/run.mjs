import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { say } from "./say.mjs";

/** Seconds between two signs of life of a long step. */
const progressSeconds = 15;

/** The first executable file of that name on PATH; null when there is none. */
export function which(name, env = process.env) {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && isExecutable(path)) return path;
  }
  return null;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What a short command prints; null when it fails. */
export function outputOf(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim() : null;
}

/**
 * Runs a long command on this terminal, with the time passed as a sign of life, and answers whether it succeeded.
 * An interrupt reaches the command through the terminal; setup then ends with it.
 */
export function runVisibly(command, args, options = {}) {
  const startedAt = Date.now();
  const timer = setInterval(() => say(`still at it after ${secondsSince(startedAt)} s`), progressSeconds * 1000);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
    child.on("error", () => resolve({ ok: false, seconds: 0 }));
    child.on("close", (code) => resolve({ ok: code === 0, seconds: secondsSince(startedAt) }));
  }).finally(() => clearInterval(timer));
}

function secondsSince(startedAt) {
  return Math.round((Date.now() - startedAt) / 1000);
}

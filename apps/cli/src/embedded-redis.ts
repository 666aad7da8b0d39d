import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DataFolder } from "./data-folder.ts";
import { redisCall } from "./redis-call.ts";
import { explainRedisFailure, findRedisServer, redisArguments } from "./redis-server.ts";
import type { ChildSpec } from "./supervisor.ts";

/** Milliseconds between two looks at a Redis that is starting or loading its data. */
const probeIntervalMs = 20;

/** Milliseconds for an orphaned Redis to write its file and end, before it is killed. */
const orphanDeadlineMs = 5000;

/** The Redis child of a data folder, for the supervisor. Its data lies in the folder's `redis`. */
export async function embeddedRedis(data: DataFolder): Promise<ChildSpec<void>> {
  const program = await findRedisServer();
  const folder = join(data.path, "redis");
  const socket = data.runtime.redisSocket;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    name: "redis",
    // A group of its own: an interrupt from the terminal must not end it before the others are done with it.
    spawn: () => spawn(program, redisArguments({ folder, socket }), { detached: true, stdio: ["ignore", "pipe", "pipe"] }),
    untilReady: (_, signal) => untilAnswering(socket, signal),
    quietUntilReady: true,
    explainExit: (lines) => explainRedisFailure(folder, program, lines),
  };
}

export function embeddedRedisUrl(data: DataFolder): string {
  return `unix://${data.runtime.redisSocket}`;
}

/** Ends a Redis whose `llamero dev` was killed, so that its data folder has one writer. Answers whether there was one. */
export async function endOrphan(socketPath: string): Promise<boolean> {
  const socket = await open(socketPath);
  if (socket === null) return false;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const pid = Number(/process_id:(\d+)/.exec(await redisCall(socket, ["INFO", "server"]).catch(() => ""))?.[1]);
  const timer = setTimeout(() => (pid > 0 ? process.kill(pid, "SIGKILL") : socket.destroy()), orphanDeadlineMs);
  // Its end closes the connection; a reply would be a refusal, and the timer deals with that.
  socket.write("SHUTDOWN\r\n");
  await closed;
  clearTimeout(timer);
  return true;
}

/** @throws AbortError when the signal says that Redis has ended. */
async function untilAnswering(socketPath: string, signal: AbortSignal): Promise<void> {
  while (!(await answers(socketPath))) await delay(probeIntervalMs, undefined, { signal });
}

/** Whether Redis takes commands: not while it is still loading its file. */
async function answers(socketPath: string): Promise<boolean> {
  const socket = await open(socketPath);
  if (socket === null) return false;
  try {
    return (await redisCall(socket, ["PING"])) === "PONG";
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function open(socketPath: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => resolve(socket));
    socket.on("error", () => resolve(null));
  });
}

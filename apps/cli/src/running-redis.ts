import { existsSync } from "node:fs";
import { AppError } from "@llamero/core";
import { lastRuntimeFolder } from "./runtime-folder.ts";

/**
 * The Redis of the `llamero dev` that runs on a data folder.
 * @throws AppError `redis_unavailable` when none does
 */
export function runningRedisUrl(dataDir: string): string {
  const socket = lastRuntimeFolder(dataDir)?.redisSocket;
  if (socket !== undefined && existsSync(socket)) return `unix://${socket}`;
  throw new AppError(
    "redis_unavailable",
    `Nothing runs on the data folder ${dataDir}. Start it with \`npm start\`, or set REDIS_URL.`,
  );
}

import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

const OLDEST_MAJOR = 7;

function fieldOf(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:(.+?)\\r?$`, "m").exec(info)?.[1];
}

/**
 * Refuses a server on which jobs would not work or would not be safe.
 * @throws AppError `config_invalid` for a version that is too old or a policy that evicts; `redis_unavailable`
 */
export async function requireServer(redis: Redis): Promise<void> {
  const info = await guarded(() => redis.info());
  const version = fieldOf(info, "redis_version") ?? "unknown";
  // Valkey says 7.2 here, whatever its own number is.
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    throw new AppError("config_invalid", `Redis ${version} is too old: Llamero needs Redis ${OLDEST_MAJOR}.0 or Valkey.`);
  const policy = fieldOf(info, "maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction" && fieldOf(info, "maxmemory") !== "0") {
    const text = `Redis would throw jobs away when its memory is full (maxmemory-policy ${policy}).`;
    throw new AppError("config_invalid", `${text} Set it to noeviction: redis-cli CONFIG SET maxmemory-policy noeviction`);
  }
}

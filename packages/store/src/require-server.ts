import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";

const OLDEST_MAJOR = 7;

/** A field of what INFO says; undefined where this server does not tell it. */
export function infoField(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:(.+?)\\r?$`, "m").exec(info)?.[1];
}

/**
 * Refuses a server on which jobs would not work or would not be safe.
 * @returns what the operator should know of it, one text each
 * @throws AppError `config_invalid` for a version that is too old, a policy that evicts and a node of a cluster that is connected
 * to as if it were alone; `redis_unavailable`
 */
export async function requireServer(redis: Redis): Promise<string[]> {
  const info = await guarded(() => redis.info());
  const version = infoField(info, "redis_version") ?? "unknown";
  // Valkey says 7.2 here, whatever its own number is.
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    throw new AppError("config_invalid", `Redis ${version} is too old: Llamero needs Redis ${OLDEST_MAJOR}.0 or Valkey.`);
  if (infoField(info, "cluster_enabled") === "1" && redis.options.Connector === undefined) {
    const text = "This Redis is a node of a Cluster: REDIS_URL must begin with cluster:// (or clusters:// for TLS),";
    throw new AppError("config_invalid", `${text} so that the node that has the jobs is found.`);
  }
  const policy = infoField(info, "maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction" && infoField(info, "maxmemory") !== "0") {
    const text = `Redis would throw jobs away when its memory is full (maxmemory-policy ${policy}).`;
    throw new AppError("config_invalid", `${text} Set it to noeviction: redis-cli CONFIG SET maxmemory-policy noeviction`);
  }
  if (infoField(info, "aof_enabled") !== "0") return [];
  const loss = "Redis keeps no append-only file, so accepted jobs are lost when it ends.";
  return [`${loss} Turn it on: redis-cli CONFIG SET appendonly yes (and in its configuration file)`];
}

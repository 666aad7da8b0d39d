import type { Redis } from "ioredis";
import { guarded } from "./redis-errors.ts";
import { infoField } from "./require-server.ts";

export interface ServerMemory {
  usedBytes: number;
  /** Where Redis begins to refuse writes; null without a limit. */
  maxBytes: number | null;
}

/** How full Redis is. @throws AppError `redis_unavailable` */
export async function serverMemory(redis: Redis): Promise<ServerMemory> {
  const info = await guarded(() => redis.info("memory"));
  const maxBytes = Number(infoField(info, "maxmemory") ?? 0);
  return { usedBytes: Number(infoField(info, "used_memory") ?? 0), maxBytes: maxBytes === 0 ? null : maxBytes };
}

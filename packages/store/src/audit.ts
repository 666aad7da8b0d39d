import type { AuditEntry } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";

/** What administrators have done, the newest first. @param before id of an entry: only what is older */
export async function readAudit(redis: Redis, keys: Keys, limit: number, before?: string): Promise<AuditEntry[]> {
  const from = before === undefined ? "+" : `(${before}`;
  const entries = await guarded(() => redis.xrevrange(keys.audit, from, "-", "COUNT", limit));
  return entries.map(([id, [, by = "", , action = "", , target = ""]]) => {
    const at = new Date(Number(id.split("-")[0])).toISOString();
    return { object: "audit_entry", id, at, by, action, target };
  });
}

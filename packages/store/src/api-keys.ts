import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";

export const ownerSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -");

const keyRecordSchema = z.object({
  v: z.literal(1),
  id: z.string(),
  owner: ownerSchema,
  name: z.string(),
  /** SHA-256 of the whole key, hex. The key has 192 random bits, so a plain hash cannot be reversed by guessing. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  created_at_ms: z.int(),
  revoked_at_ms: z.int().nullable(),
});
export type ApiKeyRecord = z.infer<typeof keyRecordSchema>;

export const hashKey = (key: string): string => createHash("sha256").update(key).digest("hex");

/** Whether a presented key has this hash, in time that does not depend on where they differ. */
export function sameHash(key: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashKey(key), "hex"), Buffer.from(hash, "hex"));
}

const KEY = /^llm_([0-9a-f]{12})_[A-Za-z0-9_-]{32}$/;

/** The id inside a key, which finds its record without a scan; null when it is no key of ours. */
export function keyIdOf(key: string): string | null {
  return KEY.exec(key)?.[1] ?? null;
}

/** API keys in Redis. A key is shown once, at creation; only its hash is kept. */
export function createApiKeys(redis: Redis, keys: Keys) {
  const parse = (text: string) => keyRecordSchema.parse(JSON.parse(text));
  const get = async (id: string) => {
    const text = await guarded(() => redis.hget(keys.apiKeys, id));
    return text === null ? null : parse(text);
  };
  return {
    get,
    /** @throws AppError `invalid_request` for an owner that cannot be one */
    async create(input: { owner: string; name: string; nowMs: number }): Promise<{ key: string; record: ApiKeyRecord }> {
      const id = randomBytes(6).toString("hex");
      const key = `llm_${id}_${randomBytes(24).toString("base64url")}`;
      const { owner, name, nowMs } = input;
      if (!ownerSchema.safeParse(owner).success)
        throw new AppError("invalid_request", "An owner is 1 to 64 letters, digits, _ or -.", { param: "owner" });
      const record: ApiKeyRecord = { v: 1, id, owner, name, hash: hashKey(key), created_at_ms: nowMs, revoked_at_ms: null };
      await guarded(() => redis.hset(keys.apiKeys, id, JSON.stringify(record)));
      return { key, record };
    },
    async list(): Promise<ApiKeyRecord[]> {
      const all = await guarded(() => redis.hvals(keys.apiKeys));
      return all.map(parse).sort((a, b) => a.created_at_ms - b.created_at_ms);
    },
    /** @throws AppError `key_not_found` */
    async revoke(id: string, nowMs: number): Promise<ApiKeyRecord> {
      const record = await get(id);
      if (record === null) throw new AppError("key_not_found", `There is no key ${id}. \`llamero keys list\` shows them.`);
      const revoked = { ...record, revoked_at_ms: record.revoked_at_ms ?? nowMs };
      await guarded(() => redis.hset(keys.apiKeys, id, JSON.stringify(revoked)));
      return revoked;
    },
  };
}
export type ApiKeys = ReturnType<typeof createApiKeys>;

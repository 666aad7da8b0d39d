import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError, type KeyLimits, type KeyScope, keyLimitsSchema, keyScopeSchema, ownerSchema } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";
import type { Change } from "./settings.ts";

/** SHA-256 of a whole key, hex. A key has 192 random bits, so a plain hash cannot be reversed by guessing. */
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

const keyRecordSchema = z.object({
  v: z.literal(1),
  id: z.string(),
  owner: z.string(),
  name: z.string(),
  hash: hashSchema,
  /** The secret before the last rotation, while both are good. */
  previous: z.object({ hash: hashSchema, until_ms: z.int() }).nullable().default(null),
  scopes: z.array(keyScopeSchema).default(["submit", "read"]),
  limits: keyLimitsSchema.default({}),
  created_at_ms: z.int(),
  /** By Redis's clock. */
  expires_at_ms: z.int().nullable().default(null),
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

/** Of what is no id of a key, in messages. */
const SHOWN_CHARS = 64;

const newSecret = (id: string) => `llm_${id}_${randomBytes(24).toString("base64url")}`;

/** What a key that is good now stands for. */
export interface LiveKey {
  id: string;
  owner: string;
  scopes: readonly KeyScope[];
  limits: KeyLimits;
  /** Of each secret that is good now. */
  hashes: readonly string[];
}

/** What is done to keys, as the audit has it behind `key.`. */
export type KeyAction = "create" | "rotate" | "limit" | "revoke";

export interface NewApiKey {
  /** Who makes it, for the audit. */
  by: string;
  owner: string;
  name: string;
  nowMs: number;
  /** Default: submit and read. */
  scopes?: readonly KeyScope[];
  /** Default: none. */
  limits?: KeyLimits;
  /** Default: null, it does not expire. */
  expiresAtMs?: number | null;
}

/** A key as it is shown this once, and what is kept of it. */
export interface ShownKey {
  key: string;
  record: ApiKeyRecord;
}

/** API keys in Redis. A key is shown once, at creation or rotation; only its hash is kept. */
export function createApiKeys(redis: Redis, keys: Keys, run: RunScript) {
  const parse = (text: string) => keyRecordSchema.parse(JSON.parse(text));
  const read = (id: string) => guarded(() => redis.hget(keys.apiKeys, id));
  const get = async (id: string) => {
    const text = await read(id);
    return text === null ? null : parse(text);
  };
  /** False: the record is not as it was seen, '' for not there, any more. */
  const replace = async (seen: string, record: ApiKeyRecord, by: string, action: KeyAction): Promise<boolean> => {
    const args = [record.id, seen, JSON.stringify(record), record.limits.max_running ?? "", by, `key.${action}`];
    return (await run("change-key", args)) === 1;
  };
  /** Changes a record as nobody else has changed it meanwhile. */
  const change = async (
    id: string,
    by: string,
    action: KeyAction,
    changed: (record: ApiKeyRecord) => ApiKeyRecord,
  ): Promise<ApiKeyRecord> => {
    for (;;) {
      const text = await read(id);
      if (text === null)
        throw new AppError("key_not_found", `There is no key ${id.slice(0, SHOWN_CHARS)}. \`llamero keys list\` shows them.`);
      const record = changed(parse(text));
      if (await replace(text, record, by, action)) return record;
    }
  };
  return {
    get,
    /** What a key with this id stands for now; null when there is none, or it has expired or been revoked. */
    async findLive(id: string): Promise<LiveKey | null> {
      const [text, [seconds, microseconds]] = await guarded(() => Promise.all([redis.hget(keys.apiKeys, id), redis.time()]));
      if (text === null) return null;
      const { owner, scopes, limits, hash, previous, expires_at_ms, revoked_at_ms } = parse(text);
      const nowMs = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
      if (revoked_at_ms !== null || (expires_at_ms !== null && expires_at_ms <= nowMs)) return null;
      const hashes = previous !== null && previous.until_ms > nowMs ? [hash, previous.hash] : [hash];
      return { id, owner, scopes, limits, hashes };
    },
    /** @throws AppError `invalid_request` for an owner that cannot be one, or no scope */
    async create(wish: NewApiKey): Promise<ShownKey> {
      const { owner, name, nowMs, scopes = ["submit", "read"], limits = {}, expiresAtMs = null } = wish;
      if (!ownerSchema.safeParse(owner).success)
        throw new AppError("invalid_request", "An owner is 1 to 64 letters, digits, _ or -.", { param: "owner" });
      if (scopes.length === 0) throw new AppError("invalid_request", "A key needs a scope.", { param: "scopes" });
      const id = randomBytes(6).toString("hex");
      const key = newSecret(id);
      const record = keyRecordSchema.parse({
        ...{ v: 1, id, owner, name, hash: hashKey(key), scopes: [...new Set(scopes)], limits },
        ...{ created_at_ms: nowMs, expires_at_ms: expiresAtMs, revoked_at_ms: null },
      });
      await replace("", record, wish.by, "create");
      return { key, record };
    },
    async list(): Promise<ApiKeyRecord[]> {
      const all = await guarded(() => redis.hvals(keys.apiKeys));
      return all.map(parse).sort((a, b) => a.created_at_ms - b.created_at_ms);
    },
    /**
     * Gives a key another secret; the one it had is good for a while longer, the one before that no more.
     * @throws AppError `key_not_found`, `key_revoked`
     */
    async rotate(id: string, { by, nowMs, previousValidMs }: Change & { previousValidMs: number }): Promise<ShownKey> {
      const key = newSecret(id);
      const record = await change(id, by, "rotate", (found) => {
        if (found.revoked_at_ms !== null)
          throw new AppError("key_revoked", `Key ${id} has been revoked. \`llamero keys create\` makes another.`);
        const previous = previousValidMs > 0 ? { hash: found.hash, until_ms: nowMs + previousValidMs } : null;
        return { ...found, hash: hashKey(key), previous };
      });
      return { key, record };
    },
    /** Holds for what is submitted from then on; how many may run, from the next feed on. @throws AppError `key_not_found` */
    limit(id: string, limits: KeyLimits, by: string): Promise<ApiKeyRecord> {
      return change(id, by, "limit", (found) => ({ ...found, limits }));
    },
    /** @throws AppError `key_not_found` */
    revoke(id: string, { by, nowMs }: Change): Promise<ApiKeyRecord> {
      return change(id, by, "revoke", (found) => ({ ...found, revoked_at_ms: found.revoked_at_ms ?? nowMs, previous: null }));
    },
  };
}
export type ApiKeys = ReturnType<typeof createApiKeys>;

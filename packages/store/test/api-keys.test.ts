import { ownerSchema } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { hashKey, keyIdOf, sameHash } from "../src/index.ts";
import { useStore } from "./harness.ts";

const harness = useStore();
const make = (owner = "alice", nowMs = 1_000) => harness.store.apiKeys.create({ by: "test", owner, name: "laptop", nowMs });

test("makes a key that finds its own record and fits its hash", async () => {
  const { key, record } = await make();
  expect(key).toMatch(/^llm_[0-9a-f]{12}_[A-Za-z0-9_-]{32}$/);
  expect(record).toMatchObject({ owner: "alice", name: "laptop", created_at_ms: 1_000, revoked_at_ms: null });
  expect(keyIdOf(key)).toBe(record.id);
  expect(await harness.store.apiKeys.get(record.id)).toEqual(record);
  expect(sameHash(key, record.hash)).toBe(true);
});

test("never makes the same key twice", async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => make()));
  expect(new Set(keys.map(({ key }) => key)).size).toBe(20);
  expect(new Set(keys.map(({ record }) => record.id)).size).toBe(20);
});

test("stores the hash and nothing of the secret", async () => {
  const { redis, store } = harness;
  const { key, record } = await make();
  const secret = key.slice(-32);
  const stored = JSON.stringify(await redis.hgetall(store.keys.apiKeys));
  expect(stored).toContain(hashKey(key));
  expect(stored).not.toContain(secret);
  expect(JSON.stringify([record, await store.apiKeys.list()])).not.toContain(secret);
});

test("lists by creation, with revoked ones", async () => {
  const { apiKeys } = harness.store;
  const second = await make("bob", 2_000);
  const first = await make("alice", 1_000);
  await apiKeys.revoke(second.record.id, { by: "test", nowMs: 3_000 });
  const list = await apiKeys.list();
  expect(list.map(({ id, revoked_at_ms }) => [id, revoked_at_ms])).toEqual([
    [first.record.id, null],
    [second.record.id, 3_000],
  ]);
});

test("revokes for good: a second time changes nothing", async () => {
  const { apiKeys } = harness.store;
  const { record } = await make();
  expect(await apiKeys.revoke(record.id, { by: "test", nowMs: 5_000 })).toMatchObject({ revoked_at_ms: 5_000 });
  expect(await apiKeys.revoke(record.id, { by: "test", nowMs: 9_000 })).toMatchObject({ revoked_at_ms: 5_000 });
  expect(await apiKeys.get(record.id)).toMatchObject({ revoked_at_ms: 5_000, hash: record.hash });
});

test("a key that is good now stands for its owner and what it may do", async () => {
  const { apiKeys } = harness.store;
  const nowMs = await harness.store.now();
  const { key, record } = await apiKeys.create({
    by: "test",
    owner: "alice",
    name: "",
    nowMs,
    scopes: ["read_all", "read_all"],
    expiresAtMs: nowMs + 60_000,
  });
  expect(await apiKeys.findLive(record.id)).toEqual({
    id: record.id,
    owner: "alice",
    scopes: ["read_all"],
    limits: {},
    hashes: [hashKey(key)],
  });
  expect(await apiKeys.findLive("000000000000")).toBeNull();
  await apiKeys.revoke(record.id, { by: "test", nowMs: nowMs });
  expect(await apiKeys.findLive(record.id)).toBeNull();
});

test("a key that has expired by Redis's clock stands for nothing", async () => {
  const { apiKeys } = harness.store;
  const nowMs = await harness.store.now();
  const { record } = await apiKeys.create({ by: "test", owner: "alice", name: "", nowMs, expiresAtMs: nowMs });
  expect(await apiKeys.findLive(record.id)).toBeNull();
});

test("a rotated key is good with its new secret, and for as long as was said with the one before", async () => {
  const { apiKeys } = harness.store;
  const nowMs = await harness.store.now();
  const first = await make();
  const { id } = first.record;
  const second = await apiKeys.rotate(id, { by: "test", nowMs, previousValidMs: 60_000 });
  expect(keyIdOf(second.key)).toBe(id);
  expect((await apiKeys.findLive(id))?.hashes).toEqual([second.key, first.key].map(hashKey));
  const third = await apiKeys.rotate(id, { by: "test", nowMs, previousValidMs: 60_000 });
  expect((await apiKeys.findLive(id))?.hashes).toEqual([third.key, second.key].map(hashKey));
  const fourth = await apiKeys.rotate(id, { by: "test", nowMs, previousValidMs: 0 });
  expect((await apiKeys.findLive(id))?.hashes).toEqual([hashKey(fourth.key)]);
  await apiKeys.rotate(id, { by: "test", nowMs: nowMs - 60_000, previousValidMs: 1_000 });
  expect((await apiKeys.findLive(id))?.hashes).toHaveLength(1);
});

test("of those who change a key at the same time none undoes what another did", async () => {
  const { apiKeys } = harness.store;
  const { record } = await make();
  const rotate = () =>
    apiKeys.rotate(record.id, { by: "test", nowMs: 1, previousValidMs: 0 }).catch(({ code }: { code: string }) => code);
  const outcomes = await Promise.all([
    rotate(),
    rotate(),
    apiKeys.revoke(record.id, { by: "test", nowMs: 5_000 }),
    rotate(),
    rotate(),
  ]);
  expect(await apiKeys.get(record.id)).toMatchObject({ revoked_at_ms: 5_000, previous: null });
  expect(outcomes.filter((outcome) => typeof outcome === "string" && outcome !== "key_revoked")).toEqual([]);
  await expect(apiKeys.rotate(record.id, { by: "test", nowMs: 1, previousValidMs: 0 })).rejects.toMatchObject({
    code: "key_revoked",
  });
});

test("a key made before there were scopes may what it always did", async () => {
  const { redis, store } = harness;
  const { key, record } = await make();
  const { v, id, owner, name, hash, created_at_ms, revoked_at_ms } = record;
  await redis.hset(store.keys.apiKeys, id, JSON.stringify({ v, id, owner, name, hash, created_at_ms, revoked_at_ms }));
  expect(await store.apiKeys.findLive(id)).toEqual({ id, owner, scopes: ["submit", "read"], limits: {}, hashes: [hashKey(key)] });
});

describe("refuses", () => {
  test("to revoke a key that does not exist", async () => {
    await expect(harness.store.apiKeys.revoke("000000000000", { by: "test", nowMs: 1 })).rejects.toMatchObject({
      code: "key_not_found",
    });
    await expect(
      harness.store.apiKeys.rotate("000000000000", { by: "test", nowMs: 1, previousValidMs: 1 }),
    ).rejects.toMatchObject({
      code: "key_not_found",
    });
  });

  test("a key that may do nothing", async () => {
    const nothing = harness.store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1, scopes: [] });
    await expect(nothing).rejects.toMatchObject({ code: "invalid_request", param: "scopes" });
  });

  test.each(["", "a:b", "a b", "ä", "x".repeat(65), "a\n"])("the owner %j", async (owner) => {
    await expect(make(owner)).rejects.toMatchObject({ code: "invalid_request", param: "owner" });
    expect(ownerSchema.safeParse(owner).success).toBe(false);
    expect(await harness.store.apiKeys.list()).toEqual([]);
  });

  test("keys that differ in one character at the same length", async () => {
    const { key, record } = await make();
    for (const at of [4, 17, key.length - 1]) {
      const wrong = key.slice(0, at) + (key[at] === "a" ? "b" : "a") + key.slice(at + 1);
      expect(wrong).toHaveLength(key.length);
      expect(sameHash(wrong, record.hash), wrong).toBe(false);
    }
  });

  test("what is no key at all", async () => {
    const { key } = await make();
    for (const wrong of [
      "",
      "llm_",
      key.slice(0, -1),
      `${key}x`,
      ` ${key}`,
      `${key}\n`,
      key.toUpperCase(),
      `sk-${key}`,
      "constructor",
    ])
      expect(keyIdOf(wrong), wrong).toBeNull();
    for (const id of ["", "constructor", "__proto__"]) expect(await harness.store.apiKeys.get(id)).toBeNull();
  });
});

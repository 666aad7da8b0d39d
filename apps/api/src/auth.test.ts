import { type ApiKeyRecord, hashKey } from "@llamero/store";
import { describe, expect, it } from "vitest";
import { Auth, checkHost, isLoopbackHost, LOCAL_OWNER } from "./auth.ts";

const KEY = `llm_0123456789ab_${"k".repeat(32)}`;
const bearer = (key: string) => `Bearer ${key}`;

/** A key store in memory that counts what is read. */
class FakeKeys {
  readonly records = new Map<string, ApiKeyRecord>();
  gets = 0;
  lists = 0;

  add(key: string, owner: string): ApiKeyRecord {
    const id = key.split("_")[1] ?? "";
    const record = { v: 1, id, owner, name: "", hash: hashKey(key), created_at_ms: 0, revoked_at_ms: null } as const;
    this.records.set(id, record);
    return record;
  }

  async get(id: string): Promise<ApiKeyRecord | null> {
    this.gets++;
    return this.records.get(id) ?? null;
  }

  async list(): Promise<ApiKeyRecord[]> {
    this.lists++;
    return [...this.records.values()];
  }
}

function setUp(over: { fixedKeys?: { owner: string; key: string }[]; isLoopback?: boolean } = {}) {
  const clock = { ms: 1_000_000 };
  const keys = new FakeKeys();
  const auth = new Auth({ fixedKeys: [], isLoopback: false, apiKeys: keys, now: () => clock.ms, ...over });
  return { clock, keys, auth };
}

const denied = expect.objectContaining({ code: "unauthorized" });

describe("open mode", () => {
  it("is there on loopback while no key exists", async () => {
    const { auth } = setUp({ isLoopback: true });
    expect(await auth.isOpen()).toBe(true);
    expect(await auth.owner(null)).toBe(LOCAL_OWNER);
  });

  it("is not there with a fixed key, or off loopback", async () => {
    for (const over of [{ isLoopback: true, fixedKeys: [{ owner: "a", key: "secret" }] }, { isLoopback: false }]) {
      const { auth } = setUp(over);
      expect(await auth.isOpen()).toBe(false);
      await expect(auth.owner(null)).rejects.toEqual(denied);
    }
  });

  it("ends within 2 s of the first key, and asks the store no more often", async () => {
    const { auth, keys, clock } = setUp({ isLoopback: true });
    for (let i = 0; i < 100; i++) await auth.isOpen();
    expect(keys.lists).toBe(1);
    keys.add(KEY, "alice");
    clock.ms += 2_001;
    expect(await auth.isOpen()).toBe(false);
    expect(await auth.owner(bearer(KEY))).toBe("alice");
  });
});

describe("fixed keys", () => {
  const { auth, keys } = setUp({
    fixedKeys: [
      { owner: "a", key: "first-secret" },
      { owner: "b", key: "second-secret" },
    ],
  });

  it("gives each its owner, without the store", async () => {
    expect(await auth.owner("Bearer first-secret")).toBe("a");
    expect(await auth.owner("bearer   second-secret")).toBe("b");
    expect(keys.gets).toBe(0);
  });

  it.each([
    null,
    "",
    "Bearer",
    "Bearer ",
    "first-secret",
    "Basic first-secret",
    "Bearer first-secre",
    "Bearer first-secret2",
    "Bearer first-secret x",
  ])("refuses %j", async (header) => {
    await expect(auth.owner(header)).rejects.toEqual(denied);
  });
});

describe("stored keys", () => {
  it("are read once in 2 s", async () => {
    const { auth, keys, clock } = setUp();
    keys.add(KEY, "alice");
    for (let i = 0; i < 100; i++) expect(await auth.owner(bearer(KEY))).toBe("alice");
    expect(keys.gets).toBe(1);
    clock.ms += 2_001;
    await auth.owner(bearer(KEY));
    expect(keys.gets).toBe(2);
  });

  it("work for 2 s at most after they were revoked", async () => {
    const { auth, keys, clock } = setUp();
    const record = keys.add(KEY, "alice");
    await auth.owner(bearer(KEY));
    keys.records.set(record.id, { ...record, revoked_at_ms: clock.ms });
    clock.ms += 2_000;
    expect(await auth.owner(bearer(KEY))).toBe("alice");
    clock.ms += 1;
    await expect(auth.owner(bearer(KEY))).rejects.toEqual(denied);
  });

  it("need the whole key, not its id alone", async () => {
    const { auth, keys } = setUp();
    keys.add(KEY, "alice");
    await expect(auth.owner(bearer(KEY.replace(/k$/, "j")))).rejects.toEqual(denied);
    expect(await auth.owner(bearer(KEY))).toBe("alice");
  });

  it("that cannot be ours are refused without the store", async () => {
    const { auth, keys } = setUp();
    for (const key of ["x", "llm_short_x", `${KEY}x`, "x".repeat(10_000)])
      await expect(auth.owner(bearer(key))).rejects.toEqual(denied);
    expect(keys.gets).toBe(0);
  });

  it("are remembered in a bounded number", async () => {
    const { auth, keys } = setUp();
    const key = (index: number) => `llm_${index.toString(16).padStart(12, "0")}_${"k".repeat(32)}`;
    for (let i = 0; i <= 10_000; i++) await auth.owner(bearer(key(i))).catch(() => {});
    expect(keys.gets).toBe(10_001);
    await auth.owner(bearer(key(0))).catch(() => {});
    expect(keys.gets).toBe(10_002);
  });

  it("make no request succeed when the store fails", async () => {
    const { auth, keys } = setUp();
    keys.get = () => Promise.reject(new Error("away"));
    await expect(auth.owner(bearer(KEY))).rejects.toThrow("away");
  });
});

describe("hosts", () => {
  it.each(["localhost", "LocalHost", "127.0.0.1", "127.9.8.7", "::1", "[::1]"])("%s is loopback", (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "1127.0.0.1",
    "127.1",
    "",
    "localhost ",
  ])("%j is not loopback", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it("takes a loopback Host with any port and refuses others, saying little of them", () => {
    for (const host of ["localhost", "localhost:3000", "127.0.0.1:1", "[::1]:3000"]) expect(() => checkHost(host)).not.toThrow();
    for (const host of [
      null,
      "",
      "evil.example",
      "evil.example:3000",
      "localhost:3000:evil",
      "localhost@evil.example",
      "x".repeat(9_000),
    ])
      expect(() => checkHost(host)).toThrow(
        expect.objectContaining({ code: "forbidden_host", message: expect.stringMatching(/^.{0,250}$/) }),
      );
  });
});

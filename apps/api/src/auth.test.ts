import { hashKey, type LiveKey } from "@llamero/store";
import { describe, expect, it } from "vitest";
import { Auth, checkHost, isLoopbackHost, LOCAL_CALLER } from "./auth.ts";

const KEY = `llm_0123456789ab_${"k".repeat(32)}`;
const bearer = (key: string) => `Bearer ${key}`;

/** A key store in memory that counts what is read. */
class FakeKeys {
  readonly live = new Map<string, LiveKey>();
  finds = 0;
  lists = 0;

  add(key: string, owner: string): string {
    const id = key.split("_")[1] ?? "";
    this.live.set(id, { id, owner, scopes: ["submit"], limits: {}, hashes: [hashKey(key)] });
    return id;
  }

  async findLive(id: string): Promise<LiveKey | null> {
    this.finds++;
    return this.live.get(id) ?? null;
  }

  async list(): Promise<never[]> {
    this.lists++;
    return Array.from(this.live) as never[];
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
    expect(await auth.caller(null)).toEqual(LOCAL_CALLER);
  });

  it("is not there with a fixed key, or off loopback", async () => {
    for (const over of [{ isLoopback: true, fixedKeys: [{ owner: "a", key: "secret" }] }, { isLoopback: false }]) {
      const { auth } = setUp(over);
      expect(await auth.isOpen()).toBe(false);
      await expect(auth.caller(null)).rejects.toEqual(denied);
    }
  });

  it("ends within 2 s of the first key, and asks the store no more often", async () => {
    const { auth, keys, clock } = setUp({ isLoopback: true });
    for (let i = 0; i < 100; i++) await auth.isOpen();
    expect(keys.lists).toBe(1);
    keys.add(KEY, "alice");
    clock.ms += 2_001;
    expect(await auth.isOpen()).toBe(false);
    expect(await auth.caller(bearer(KEY))).toMatchObject({ owner: "alice" });
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
    expect(await auth.caller("Bearer first-secret")).toMatchObject({ owner: "a" });
    expect(await auth.caller("bearer   second-secret")).toMatchObject({ owner: "b" });
    expect(keys.finds).toBe(0);
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
    await expect(auth.caller(header)).rejects.toEqual(denied);
  });
});

describe("stored keys", () => {
  it("are read once in 2 s", async () => {
    const { auth, keys, clock } = setUp();
    keys.add(KEY, "alice");
    for (let i = 0; i < 100; i++) expect(await auth.caller(bearer(KEY))).toMatchObject({ owner: "alice" });
    expect(keys.finds).toBe(1);
    clock.ms += 2_001;
    await auth.caller(bearer(KEY));
    expect(keys.finds).toBe(2);
  });

  it("work for 2 s at most after they were revoked", async () => {
    const { auth, keys, clock } = setUp();
    const id = keys.add(KEY, "alice");
    await auth.caller(bearer(KEY));
    keys.live.delete(id);
    clock.ms += 2_000;
    expect(await auth.caller(bearer(KEY))).toMatchObject({ owner: "alice" });
    clock.ms += 1;
    await expect(auth.caller(bearer(KEY))).rejects.toEqual(denied);
  });

  it("need the whole key, not its id alone", async () => {
    const { auth, keys } = setUp();
    keys.add(KEY, "alice");
    await expect(auth.caller(bearer(KEY.replace(/k$/, "j")))).rejects.toEqual(denied);
    expect(await auth.caller(bearer(KEY))).toMatchObject({ owner: "alice" });
  });

  it("that cannot be ours are refused without the store", async () => {
    const { auth, keys } = setUp();
    for (const key of ["x", "llm_short_x", `${KEY}x`, "x".repeat(10_000)])
      await expect(auth.caller(bearer(key))).rejects.toEqual(denied);
    expect(keys.finds).toBe(0);
  });

  it("are remembered in a bounded number", async () => {
    const { auth, keys } = setUp();
    const key = (index: number) => `llm_${index.toString(16).padStart(12, "0")}_${"k".repeat(32)}`;
    for (let i = 0; i <= 10_000; i++) await auth.caller(bearer(key(i))).catch(() => {});
    expect(keys.finds).toBe(10_001);
    await auth.caller(bearer(key(0))).catch(() => {});
    expect(keys.finds).toBe(10_002);
  });

  it("make no request succeed when the store fails", async () => {
    const { auth, keys } = setUp();
    keys.findLive = () => Promise.reject(new Error("away"));
    await expect(auth.caller(bearer(KEY))).rejects.toThrow("away");
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

import type { SettingsVersion } from "@llamero/core";
import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis, tinyEntry } from "@llamero/testkit";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

let redis: TestRedis;
let apis: LlameroProcess[];
let dispatcher: LlameroProcess;
let connection: Awaited<ReturnType<typeof connectRedis>>;
/** What every process is to know within, in milliseconds. */
const KNOWN_MS = 1_000;

beforeAll(async () => {
  redis = await startRedis();
  connection = await connectRedis(redis.url, "commands");
  await createStore({ redis: connection, prefix: "llamero" }).announceModel(tinyEntry);
  const env = { REDIS_URL: redis.url, PORT: "0" };
  [dispatcher, ...apis] = await Promise.all([
    startLlamero("dispatcher", env),
    ...Array.from({ length: 3 }, () => startLlamero("api", env)),
  ]);
});
afterAll(async () => {
  await Promise.all([dispatcher, ...apis].map((process) => process.kill()));
  connection.disconnect();
  await redis.close();
});

const post = (index: number, path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${apis[index]?.ready.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
async function change(settings: object): Promise<SettingsVersion> {
  const answer = await post(0, "/v1/admin/settings", { settings });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as SettingsVersion;
}
const submit = (index: number, body: object = { prompt: "a" }) => post(index, "/v1/jobs", body);
const soon = (check: () => unknown) => vi.waitFor(check, { timeout: KNOWN_MS, interval: 10 });

describe("a change of settings", () => {
  it("holds for every process within a second: what may wait", async () => {
    const before = (await change({ max_waiting: 1 })).version - 1;
    await submit(0);
    for (const index of [0, 1, 2]) await soon(async () => expect((await submit(index)).status).toBe(429));
    const back = await post(1, "/v1/admin/settings/rollback", { version: before });
    expect(await back.json()).toMatchObject({ settings: {}, rollback_of: before });
    for (const index of [0, 1, 2]) await soon(async () => expect((await submit(index)).status).toBe(202));
  });

  it("what the names of models stand for", async () => {
    const body = { model: "gpt-4.1", prompt: "a" };
    for (const index of [0, 1, 2]) expect((await submit(index, body)).status).toBe(404);
    const before = (
      await change({ aliases: { "gpt-4.1": "tiny", chat: { targets: [{ model: "tiny", weight: 9 }, { model: "next" }] } } })
    ).version;
    for (const index of [0, 1, 2])
      await soon(async () => expect(await (await submit(index, body)).json()).toMatchObject({ model: "tiny", status: "queued" }));
    const shown = await fetch(`${apis[1]?.ready.url}/v1/models/chat`);
    expect(await shown.json()).toMatchObject({ id: "chat", alias_of: ["tiny", "next"], is_default: false, context_length: 1024 });
    const all = (await (await fetch(`${apis[2]?.ready.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(all.data.map(({ id }) => id)).toEqual(["tiny", "gpt-4.1", "chat"]);
    await change({ aliases: { chat: "gone" } });
    for (const index of [0, 1, 2])
      await soon(async () =>
        expect(await (await submit(index, { ...body, model: "chat" })).text()).toContain('for which \\"chat\\" stands'),
      );
    await post(1, "/v1/admin/settings/rollback", { version: before - 1 });
    for (const index of [0, 1, 2]) await soon(async () => expect((await submit(index, body)).status).toBe(404));
  });

  it("what is logged, also by a dispatcher", async () => {
    await change({ log_level: "debug" });
    const count = () => dispatcher.log.filter(({ level }) => level === "debug").length;
    const due = async () => {
      // A job that falls due is what a sweep tells of at the level debug.
      await submit(0, { prompt: "a", delay_ms: 1 });
      expect(count()).toBeGreaterThan(0);
    };
    await vi.waitFor(due, { timeout: 5_000, interval: 100 });
    await change({ log_level: null });
  });

  it("how long what has ended is kept", async () => {
    const { id } = (await (await submit(0)).json()) as { id: string };
    await post(0, `/v1/jobs/${id}/cancel`, {});
    await change({ retention_hours: 0.001 });
    await vi.waitFor(async () => expect((await fetch(`${apis[1]?.ready.url}/v1/jobs/${id}`)).status).toBe(404), {
      timeout: 3_600 + KNOWN_MS + 1_000,
      interval: 50,
    });
    await change({ retention_hours: null });
  });

  it("is refused as a whole where one part of it is wrong, and names that part", async () => {
    const answer = await post(0, "/v1/admin/settings", { settings: { max_waiting: 5, weights: { alice: 0 } } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: "settings.weights.alice" } });
    const held = await (await fetch(`${apis[0]?.ready.url}/v1/admin/settings`)).json();
    expect(held).toMatchObject({ settings: {} });
  });

  it("is told with who made it, in the history and the audit", async () => {
    const { version } = await change({ weights: { alice: 2 } });
    const get = async (path: string) => (await (await fetch(`${apis[2]?.ready.url}${path}`)).json()) as { data: object[] };
    expect((await get("/v1/admin/settings/history")).data[0]).toMatchObject({ version, changed_by: "local" });
    expect((await get("/v1/admin/audit?limit=1")).data).toMatchObject([
      { by: "local", action: "settings.change", target: String(version) },
    ]);
    await change({ weights: null });
  });
});

describe("the limits of the settings", () => {
  it("hold for keys that have none of their own", async () => {
    await change({ key_limits: { requests_per_minute: 1 } });
    const store = createStore({ redis: connection, prefix: "llamero" });
    const newKey = async (limits: object) => {
      const { key } = await store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1, limits });
      return { authorization: `Bearer ${key}` };
    };
    const [strict, free] = [await newKey({}), await newKey({ requests_per_minute: 100 })];
    // Until each API knows that there are keys now, it takes everybody for somebody on this machine.
    for (const index of [1, 2])
      await vi.waitFor(async () => expect((await submit(index)).status).toBe(401), { timeout: 4_000, interval: 50 });
    const twice = async (headers: Record<string, string>) => {
      const answers = [await post(1, "/v1/jobs", { prompt: "a" }, headers), await post(2, "/v1/jobs", { prompt: "a" }, headers)];
      return answers.map((answer) => [answer.status, answer.headers.get("x-ratelimit-limit-requests")]);
    };
    expect(await twice(free)).toEqual([
      [202, "100"],
      [202, "100"],
    ]);
    expect(await twice(strict)).toEqual([
      [202, "1"],
      [429, "1"],
    ]);
  });
});

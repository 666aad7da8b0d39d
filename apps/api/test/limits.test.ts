import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis, tinyEntry } from "@llamero/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";

let redis: TestRedis;
let apis: LlameroProcess[];
let connection: Awaited<ReturnType<typeof connectRedis>>;

beforeAll(async () => {
  redis = await startRedis();
  connection = await connectRedis(redis.url, "commands");
  const store = createStore({ redis: connection, prefix: "llamero" });
  await store.announceModel(tinyEntry);
  const env = { REDIS_URL: redis.url, PORT: "0", LOG_LEVEL: "error" };
  apis = await Promise.all(Array.from({ length: 3 }, () => startLlamero("api", env)));
});
afterAll(async () => {
  await Promise.all(apis.map((api) => api.kill()));
  connection.disconnect();
  await redis.close();
});

async function newKey(limits: object): Promise<string> {
  const store = createStore({ redis: connection, prefix: "llamero" });
  return (await store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1, limits })).key;
}

function submit(index: number, key: string, body: object = { prompt: "a", params: { max_tokens: 10 } }): Promise<Response> {
  return fetch(`${apis[index % apis.length]?.ready.url}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
}

describe("three API processes", () => {
  it("let through what a key may submit, together, and tell the rest when to come again", async () => {
    const key = await newKey({ requests_per_minute: 60 });
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => submit(index, key)));
    const seconds = (performance.now() - startedAt) / 1_000;
    const accepted = answers.filter(({ status }) => status === 202);
    // A minute's worth at once, and one a second after that.
    expect(accepted.length).toBeGreaterThanOrEqual(60);
    expect(accepted.length).toBeLessThanOrEqual(60 + Math.ceil(seconds));
    const refused = answers.filter(({ status }) => status !== 202);
    for (const answer of refused) {
      expect(answer.headers.get("retry-after")).toMatch(/^[12]$/);
      expect(await errorOf(answer)).toMatchObject({ status: 429, code: "rate_limited", type: "rate_limit_error" });
    }
  });

  it("hold a key to its tokens, whatever the jobs cost", async () => {
    const key = await newKey({ tokens_per_minute: 6_000 });
    const body = { prompt: "x".repeat(400), params: { max_tokens: 100 } };
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => submit(index, key, body)));
    const seconds = (performance.now() - startedAt) / 1_000;
    const accepted = answers.filter(({ status }) => status === 202).length;
    expect(accepted * 200).toBeGreaterThanOrEqual(6_000 - 200);
    expect(accepted * 200).toBeLessThanOrEqual(6_000 + 100 * Math.ceil(seconds));
  });

  it("let a key have so many jobs waiting, and no more", async () => {
    const key = await newKey({ max_waiting: 20 });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => submit(index, key)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(20);
    const refused = answers.find(({ status }) => status === 429);
    expect((await errorOf(refused as Response)).message).toBe("This key may have 20 jobs waiting, and has. Try again in 60 s.");
  });

  it("let a key run so many jobs, and no more, whichever of them submits and ends them", async () => {
    const store = createStore({ redis: connection, prefix: "llamero" });
    const key = await newKey({ max_running: 3 });
    const model = "of-its-own";
    await store.announceModel({ ...tinyEntry, name: model, is_default: false });
    await store.beat({ workerId: "w", host: "test", pid: 1, slots: [{ slug: model, slots: 40 }] });
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => submit(index, key, { prompt: "a", model })));
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { id: string }).id));
    const inWindow = async () => {
      const window = new Set(await connection.zrange(store.keys.window(model), 0, "-1"));
      return ids.filter((id) => window.has(id));
    };
    const ran = new Set<string>();
    for (let fed = await inWindow(); fed.length > 0; fed = await inWindow()) {
      expect(fed).toHaveLength(Math.min(3, ids.length - ran.size));
      await Promise.all(
        fed.map(async (id, index) => {
          ran.add(id);
          const path = `/v1/jobs/${id}/cancel`;
          const headers = { authorization: `Bearer ${key}` };
          const ended = await fetch(`${apis[index % apis.length]?.ready.url}${path}`, { method: "POST", headers });
          expect(ended.status).toBe(200);
        }),
      );
    }
    expect(ran.size).toBe(60);
    await store.beat({ workerId: "w", host: "test", pid: 1, slots: [] });
  });

  it("say with each job what is left of the limits, in the headers that OpenAI's clients know", async () => {
    const key = await newKey({ requests_per_minute: 10, tokens_per_minute: 1_000 });
    const first = await submit(0, key);
    const second = await submit(1, key);
    const shown = (answer: Response, name: string) => answer.headers.get(`x-ratelimit-${name}`);
    expect(["limit-requests", "remaining-requests", "limit-tokens"].map((name) => shown(first, name))).toEqual([
      "10",
      "9",
      "1000",
    ]);
    expect(shown(second, "remaining-requests")).toBe("8");
    expect(shown(second, "reset-requests")).toMatch(/^1[12]s$/);
    expect(Number(shown(second, "remaining-tokens"))).toBeLessThan(1_000 - 20);
    const free = await submit(0, await newKey({}));
    expect([...free.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
  });
});

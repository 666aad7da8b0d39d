import type { Job } from "@llamero/core";
import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import { badRequestEnv, badRequestKeys, sendBadRequests } from "@llamero/testkit/bad-requests";
import { afterAll, beforeAll, expect, it } from "vitest";
import { announce, jsonType } from "./harness.ts";

const COUNT = 1_700;
const SEED = 20_260_802;

let server: TestRedis;
let api: LlameroProcess;
let adminKey: string;

beforeAll(async () => {
  server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  const store = createStore({ redis, prefix: "llamero" });
  await announce(store, "tiny", { is_default: true });
  await announce(store, "embedder", { capabilities: ["embedding"] });
  adminKey = (await store.apiKeys.create({ by: "test", owner: "ops", name: "", nowMs: 1, scopes: ["admin"] })).key;
  redis.disconnect();
  api = await startLlamero("api", { ...badRequestEnv, REDIS_URL: server.url, PORT: "0" });
});

afterAll(async () => {
  await api.kill();
  await server.close();
});

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(api.ready.url + path, {
    ...init,
    headers: { ...jsonType, authorization: `Bearer ${badRequestKeys[0]}` },
  });
  const text = await response.text();
  expect([200, 202], text).toContain(response.status);
  return JSON.parse(text);
}

it(`answers ${COUNT} requests that break its OpenAPI document, each in time and as documented (seed ${SEED})`, async () => {
  const { sent, byStatus, failure } = await sendBadRequests({ url: api.ready.url ?? "", adminKey, count: COUNT, seed: SEED });
  expect(failure).toBeNull();
  expect(Math.min(...Object.values(sent)), JSON.stringify(sent)).toBeGreaterThan(2);
  // Neither are all refused at the door, nor do all come through.
  for (const status of [200, 202, 400, 401, 404, 405, 413, 415]) expect(byStatus[status], `${status}`).toBeGreaterThan(0);
  expect(api.log.filter(({ level }) => level === "error")).toEqual([]);
}, 120_000);

it("can read, list and cancel every job that came of it, and takes more", async () => {
  const { data } = (await ask("/v1/jobs?limit=100")) as { data: Job[] };
  expect(data.length).toBeGreaterThan(2);
  for (const { id } of data) {
    expect(await ask(`/v1/jobs/${id}`)).toMatchObject({ id });
    expect(await ask(`/v1/jobs/${id}/cancel`, { method: "POST" })).toMatchObject({ id });
  }
  expect(await ask("/v1/jobs", { method: "POST", body: '{"prompt":"a"}' })).toMatchObject({ status: "queued" });
});

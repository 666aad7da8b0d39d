import { setImmediate as turn } from "node:timers/promises";
import { Carriers } from "@llamero/queue";
import { connectRedis } from "@llamero/store";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { errorOf } from "./expect-error.ts";
import { type Harness, openHarness } from "./harness.ts";

let api: Harness;
let closeCarriers: (() => Promise<void>) | null = null;

beforeEach(async () => {
  api = await openHarness();
  await api.reset();
});

afterEach(async () => {
  await closeCarriers?.();
  closeCarriers = null;
  await api.close();
});

/** Carriers as the process has them: in BullMQ, on a connection like the store's. */
async function realCarriers(): Promise<Carriers> {
  const connection = await connectRedis(api.server.url, "commands");
  const carriers = new Carriers({ connection, store: api.store });
  closeCarriers = async () => {
    await carriers.close();
    connection.disconnect();
  };
  return carriers;
}

/** Resolves when the next waiter has read its job for the first time. */
async function firstReading(): Promise<void> {
  const reading = vi.spyOn(api.store, "getJob");
  while (reading.mock.settledResults[0]?.type !== "fulfilled") await turn();
  reading.mockRestore();
}

/** Resolves when the operating system has all that Redis has answered: while its disk is slow it holds writes back, up to 2 s. */
async function untilHandedOver(): Promise<void> {
  const redis = await connectRedis(api.server.url, "commands");
  while (!/aof_buffer_length:0\r/.test(await redis.info("persistence"))) await turn();
  redis.disconnect();
}

async function untilServed(): Promise<void> {
  while ((await api.request("/readyz")).status !== 200) await turn();
}

it("answers 503 at once while Redis is away, and serves again when it is back", async () => {
  await api.submit();
  await api.server.kill();
  const calls = [
    api.post("/v1/jobs", { prompt: "a" }),
    api.post("/v1/jobs", { prompt: "a" }, { prefer: "wait=1" }),
    api.post(`/v1/jobs/job_${"0".repeat(26)}/cancel`),
    api.request(`/v1/jobs/job_${"0".repeat(26)}?wait=1`),
    api.request(`/v1/jobs/job_${"0".repeat(26)}/events`),
    api.request("/v1/jobs"),
    api.request("/v1/models"),
    api.request("/readyz"),
  ];
  const startedAt = performance.now();
  for (const error of await Promise.all(calls.map(async (call) => errorOf(await call)))) {
    expect(error).toMatchObject({ status: 503, code: "redis_unavailable", type: "unavailable_error", param: null });
    expect(Number(error.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(performance.now() - startedAt).toBeLessThan(1_500);
  expect((await api.request("/livez")).status).toBe(200);
  expect((await api.request("/openapi.json")).status).toBe(200);
  await api.server.restart();
  await untilServed();
  expect((await api.submit()).status).toBe("queued");
  expect(api.notifications.size).toBe(0);
});

it("keeps every job that it answered with 202 through a crash of Redis in the middle of it", async () => {
  const replica = await api.replica({ carriers: await realCarriers() });
  const accepted: string[] = [];
  const statuses = new Set<number>();
  let isDone = false;
  const client = async () => {
    while (!isDone) {
      const startedAt = performance.now();
      const response = await replica.post("/v1/jobs", { prompt: "a" });
      statuses.add(response.status);
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      if (response.status === 202) accepted.push(((await response.json()) as { id: string }).id);
      else expect((await errorOf(response)).code).toBe("redis_unavailable");
      // A refusal takes no input or output: without this the event loop would see none either.
      await turn();
    }
  };
  const clients = Array.from({ length: 8 }, client);
  while (accepted.length < 200) await turn();
  await api.server.kill();
  while (!statuses.has(503)) await turn();
  const before = accepted.length;
  await api.server.restart();
  while (accepted.length < before + 50) await turn();
  isDone = true;
  await Promise.all(clients);
  expect(statuses).toEqual(new Set([202, 503]));
  for (const id of accepted) expect((await replica.job(id)).status).toBe("queued");
});

it("carries those who wait through a short outage", async () => {
  const { id } = await api.submit();
  const polled = api.job(id, "?wait=30");
  await firstReading();
  const claim = await api.worker.take();
  await api.server.restart();
  await untilServed();
  await api.worker.succeed(claim);
  expect(await polled).toMatchObject({ id, status: "succeeded" });
  expect(api.notifications.size).toBe(0);
});

it("ends a wait with 503 when Redis is still away at its end", async () => {
  const { id } = await api.submit();
  const polled = api.request(`/v1/jobs/${id}?wait=1`);
  await firstReading();
  await api.server.kill();
  expect(await errorOf(await polled)).toMatchObject({ status: 503, code: "redis_unavailable" });
  expect(api.notifications.size).toBe(0);
});

it("ends a wait in its time when Redis hangs", async () => {
  const { id } = await api.submit();
  const startedAt = performance.now();
  const polled = api.request(`/v1/jobs/${id}?wait=1`);
  await firstReading();
  api.server.process.kill("SIGSTOP");
  try {
    expect(await errorOf(await polled)).toMatchObject({ status: 503, code: "redis_unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(api.notifications.size).toBe(0);
  } finally {
    api.server.process.kill("SIGCONT");
  }
});

it("answers 503 while Redis hangs, at once as soon as that is known, and serves again when it goes on", async () => {
  await api.submit();
  const submit = async () => {
    const startedAt = performance.now();
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }));
    expect(error).toMatchObject({ status: 503, code: "redis_unavailable" });
    return performance.now() - startedAt;
  };
  api.server.process.kill("SIGSTOP");
  try {
    expect(await submit()).toBeLessThan(7_000);
    expect(await submit()).toBeLessThan(1_000);
  } finally {
    api.server.process.kill("SIGCONT");
  }
  await untilServed();
  expect((await api.submit()).status).toBe("queued");
});

it("answers 503 while Redis's disk is full, reads all the same, and takes jobs again when there is space", async () => {
  const { id } = await api.submit();
  await api.server.setDiskFull(true);
  // Redis answers a write before it finds the disk full, and goes on taking writes until it has.
  let refused = await api.post("/v1/jobs", { prompt: "a" });
  while (refused.status === 202) {
    await turn();
    refused = await api.post("/v1/jobs", { prompt: "a" });
  }
  const error = await errorOf(refused);
  expect(error).toMatchObject({ status: 503, code: "redis_unavailable" });
  expect(error.message).toContain("disk");
  expect(Number(error.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await api.job(id)).status).toBe("queued");
  await api.server.setDiskFull(false);
  let response = await api.post("/v1/jobs", { prompt: "b" });
  while (response.status === 503) {
    await turn();
    response = await api.post("/v1/jobs", { prompt: "b" });
  }
  expect(response.status).toBe(202);
  const { id: later } = (await response.json()) as { id: string };
  await untilHandedOver();
  // It has what it was given before and after.
  await api.server.restart();
  await untilServed();
  for (const each of [id, later]) expect((await api.job(each)).status).toBe("queued");
});

it("gives a job's id to who submitted it, also when Redis goes during the wait", async () => {
  const submitted = api.post("/v1/jobs", { prompt: "a" }, { prefer: "wait=1" });
  await firstReading();
  await api.server.kill();
  const response = await submitted;
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  await api.server.restart();
  await untilServed();
  expect((await api.job(id)).status).toBe("queued");
});

it("answers 503 when Redis is full", async () => {
  const admin = await connectRedis(api.server.url, "commands");
  await admin.config("SET", "maxmemory", "1");
  const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }));
  expect(error).toMatchObject({ status: 503, code: "redis_memory_full" });
  expect(error.headers.get("retry-after")).not.toBeNull();
  admin.disconnect();
});

it("says nothing of a defect to the client, and nothing of the prompt to the log", async () => {
  const admin = await connectRedis(api.server.url, "commands");
  await admin.set(api.store.keys.byOwner("local"), "not a sorted set");
  const error = await errorOf(await api.post("/v1/jobs", { prompt: "my secret diary" }, { authorization: "Bearer my-key" }));
  expect(error).toMatchObject({ status: 500, code: "internal_error", type: "server_error", param: null });
  const log = api.logs.join("");
  expect(log).toContain(error.headers.get("x-request-id"));
  expect(log).toContain("WRONGTYPE");
  expect(log).not.toMatch(/diary|my-key/);
  admin.disconnect();
});

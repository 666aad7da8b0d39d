import { type ApiKey, scaleOf } from "@llamero/core";
import { createLogger, Metrics } from "@llamero/process";
import { connectRedis, loadOf, onWish, type WorkerBeat } from "@llamero/store";
import { beforeEach, describe, expect, it } from "vitest";
import { exportDeployment } from "../src/deployment-metrics.ts";
import type { QueueView } from "../src/queue-view.ts";
import type { WorkerView } from "../src/worker-view.ts";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi({ isLoopback: false });

async function keyWith(...scopes: ApiKey["scopes"]): Promise<Record<string, string>> {
  const { key } = await api.store.apiKeys.create({ by: "test", owner: "ops", name: "", nowMs: 1, scopes });
  return { authorization: `Bearer ${key}` };
}

let operator: Record<string, string>;
let admin: Record<string, string>;
beforeEach(async () => {
  operator = await keyWith("read_all");
  admin = await keyWith("admin");
});

const submit = (body: object = {}) => api.submit({ prompt: "hello", ...body }, admin);

async function read<T>(path: string, headers = operator): Promise<T> {
  const response = await api.request(path, { headers });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as T;
}

const paths = ["/v1/queues", "/v1/queues/tiny", "/v1/queues/tiny/scale", "/v1/workers", "/v1/workers/w1", "/metrics"];
it.each(paths)("%s takes a key that may read what all have", async (path) => {
  expect((await api.request(path, { headers: operator })).status).toBe(200);
  const refused = await api.request(path, { headers: await keyWith("submit", "read") });
  expect(await errorOf(refused)).toMatchObject({ status: 403, code: "insufficient_scope" });
});

describe("queues", () => {
  it("show what waits by class, what is to come, and for how long the oldest has waited", async () => {
    await api.worker.open(0);
    for (const priority of ["high", "high", "normal"]) await submit({ priority });
    await submit({ delay_ms: 3_600_000 });
    const { data } = await read<{ data: QueueView[] }>("/v1/queues");
    expect(data.map(({ model }) => model)).toEqual(["tiny", "embedder"]);
    const [tiny] = data;
    expect(tiny).toMatchObject({
      ...{ object: "queue", status: "unloaded", workers: 0, slots: 0, breaker: null, queued: 3, running: 0, scheduled: 1 },
      ...{ waiting: { high: { jobs: 2 }, normal: { jobs: 1 }, low: { jobs: 0, tokens: 0 } } },
      ...{ jobs_per_second: 0, tokens_per_second: 0, eta_seconds: null },
    });
    expect(tiny?.waiting.high.tokens).toBe(2 * (tiny?.waiting.normal.tokens ?? 0));
    expect(tiny?.oldest_seconds).toBeGreaterThanOrEqual(0);
    expect(data[1]).toMatchObject({ queued: 0, oldest_seconds: null, eta_seconds: 0 });
    expect((await read<QueueView>("/v1/queues/tiny")).waiting).toEqual(tiny?.waiting);
  });

  it("show what runs, and how fast what has ended did", async () => {
    for (let i = 0; i < 3; i++) await submit();
    const claim = await api.worker.take();
    await api.worker.take();
    expect(await read("/v1/queues/tiny")).toMatchObject({ running: 2, queued: 1, workers: 1, slots: 4, status: "ready" });
    await api.worker.succeed(claim);
    const after = await read<QueueView>("/v1/queues/tiny");
    expect(after).toMatchObject({ running: 1, queued: 1, eta_seconds: 0 });
    expect(after.jobs_per_second).toBeGreaterThan(0);
    expect(after.tokens_per_second).toBeGreaterThan(after.jobs_per_second);
  });

  it("show the breaker of a model that fails", async () => {
    await submit();
    const fault = { code: "backend_unavailable", waitMs: null } as const;
    while ((await api.store.breakers()).size === 0) await api.worker.end(await api.worker.take(), { status: "queued", fault });
    const { breaker } = await read<QueueView>("/v1/queues/tiny");
    expect(breaker).toMatchObject({ state: "open", code: "backend_unavailable" });
    expect(Date.parse(breaker?.open_until ?? "")).toBeGreaterThan(Date.now());
  });

  it("that there are not are said so", async () => {
    for (const rest of ["", "/scale"]) {
      const refused = await api.request(`/v1/queues/none${rest}`, { headers: operator });
      expect(await errorOf(refused)).toMatchObject({ status: 404, code: "model_not_found" });
    }
  });
});

interface Scale {
  desired_workers: number;
  tokens_per_second_per_worker: number | null;
}

describe("how many workers a queue needs", () => {
  const scale = (query = "") => read<Scale>(`/v1/queues/tiny/scale${query}`);

  it("is none where nothing waits, one while nobody knows how fast one is, and never beyond the limits", async () => {
    await api.worker.open(0);
    expect(await scale()).toMatchObject({
      ...{ object: "queue.scale", model: "tiny", desired_workers: 0, workers: 0, target_seconds: 60 },
      ...{ waiting_tokens: 0, running: 0, tokens_per_second: 0, tokens_per_second_per_worker: null },
    });
    await submit();
    expect(await scale()).toMatchObject({ desired_workers: 1, tokens_per_second_per_worker: null });
    expect(await scale("?min=3")).toMatchObject({ desired_workers: 3 });
    expect(await scale("?max=0")).toMatchObject({ desired_workers: 0 });
  });

  it("follows from what waits, the target, and what one worker has shown to do", async () => {
    const redis = await connectRedis(api.server.url, "commands");
    await redis.hset(api.store.keys.drain("tiny"), { slots: 4, token_ms: 100 });
    redis.disconnect();
    await api.worker.open(0);
    for (let i = 0; i < 50; i++) await submit();
    const [queue] = await api.store.queues(["tiny"]);
    if (queue === undefined) throw new Error("there is no queue");
    for (const targetSeconds of [1, 5, 600]) {
      const { desired, tokensPerSecondPerWorker } = scaleOf(loadOf(queue), { targetSeconds, min: 0, max: 10_000 });
      const shown = { desired_workers: desired, tokens_per_second_per_worker: tokensPerSecondPerWorker };
      expect(await scale(`?target_seconds=${targetSeconds}`)).toMatchObject(shown);
    }
    const [hurried, patient] = [await scale("?target_seconds=1"), await scale("?target_seconds=600")];
    expect(hurried.desired_workers).toBeGreaterThan(patient.desired_workers);
    expect(await scale("?target_seconds=1&max=1")).toMatchObject({ desired_workers: 1 });
  });

  it.each(["target_seconds=0", "min=-1", "max=many", "target=60"])("refuses %s", async (query) => {
    const refused = await api.request(`/v1/queues/tiny/scale?${query}`, { headers: operator });
    expect(await errorOf(refused)).toMatchObject({ status: 400, param: query.split("=")[0] });
  });
});

const beat: WorkerBeat = {
  ...{ workerId: "worker_b", host: "gpu-7", pid: 4_711, startedAtMs: Date.UTC(2026, 0, 2), tokensPerSecond: 123.456 },
  ...{ slots: [{ slug: "tiny", slots: 8 }], specs: ["tiny.gguf", "other.gguf"], isDrained: true, wishError: "no such file" },
  models: [
    {
      ...{ slug: "tiny", state: "ready", size_bytes: 11, error: null },
      gpu: { backend: "cuda", layers: 2, total_layers: 3, vram_estimated_bytes: 9, vram_used_bytes: 10 },
    },
    { slug: "other", state: "failed", size_bytes: 5, gpu: null, error: { code: "model_file_invalid", message: "cut" } },
  ],
};

describe("workers", () => {
  it("are shown as their last heartbeat has them", async () => {
    await api.store.beat(beat);
    const { data } = await read<{ data: WorkerView[] }>("/v1/workers");
    expect(data.map(({ id }) => id)).toEqual(["w1", "worker_b"]);
    const [tiny, other] = beat.models ?? [];
    const { slug: _tiny, ...loaded } = tiny ?? { slug: "" };
    const { slug: _other, ...cut } = other ?? { slug: "" };
    expect(data[1]).toEqual({
      ...{ id: "worker_b", object: "worker", host: "gpu-7", pid: 4_711, started_at: "2026-01-02T00:00:00.000Z" },
      ...{ is_drained: true, tokens_per_second: 123.5, specs: beat.specs, error: "no such file" },
      models: [
        { name: "tiny", slots: 8, ...loaded },
        { name: "other", slots: 0, ...cut },
      ],
    });
    expect(await read("/v1/workers/worker_b")).toEqual(data[1]);
    await api.store.beat({ ...beat, slots: [], models: [] });
    expect((await api.request("/v1/workers/worker_b", { headers: operator })).status).toBe(404);
  });

  it.each([
    ["drain", undefined, { drained: true, models: null }],
    ["resume", undefined, { drained: false, models: null }],
    ["models", { models: ["a=b.gguf", "c"] }, { drained: false, models: ["a=b.gguf", "c"] }],
  ])("are told at once to %s, which is noted", async (verb, body, wish) => {
    const hints = await connectRedis(api.server.url, "blocking");
    await hints.subscribe(api.store.keys.control);
    const told = new Promise<void>((resolve) => onWish(hints, api.store.keys, "w1", resolve));
    const response = await api.post(`/v1/workers/w1/${verb}`, body, admin);
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ id: "w1", object: "worker" });
    await told;
    hints.disconnect();
    expect(await api.store.readWish("w1")).toEqual(wish);
    const audit = await read<{ data: object[] }>("/v1/admin/audit?limit=1", admin);
    expect(audit.data).toMatchObject([{ by: admin["authorization"]?.split("_")[1], action: `worker.${verb}`, target: "w1" }]);
  });

  it("keep what was wanted before beside what is wanted now, and take it along when they go", async () => {
    await api.post("/v1/workers/w1/drain", undefined, admin);
    await api.post("/v1/workers/w1/models", { models: ["a"] }, admin);
    expect(await api.store.readWish("w1")).toEqual({ drained: true, models: ["a"] });
    await api.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [], models: [] });
    expect(await api.store.readWish("w1")).toEqual({ drained: false, models: null });
  });

  it("that there are not are told nothing", async () => {
    for (const [verb, body] of [["drain"], ["resume"], ["models", { models: ["a"] }]] as const) {
      const refused = await api.post(`/v1/workers/nobody/${verb}`, body, admin);
      expect(await errorOf(refused)).toMatchObject({ status: 404, code: "worker_not_found" });
    }
    expect(await api.store.readWish("nobody")).toEqual({ drained: false, models: null });
  });

  it.each([{ models: [] }, { models: [""] }, { models: ["a"], drained: true }])("refuse %j", async (body) => {
    expect(await errorOf(await api.post("/v1/workers/w1/models", body, admin))).toMatchObject({ status: 400 });
  });

  it("are told by administrators alone", async () => {
    for (const verb of ["drain", "resume"])
      expect((await api.post(`/v1/workers/w1/${verb}`, undefined, operator)).status).toBe(403);
  });
});

it("metrics have the figures of the queues", async () => {
  await api.worker.open(0);
  for (const priority of ["high", "normal"]) await submit({ priority });
  await api.store.beat(beat);
  const metrics = new Metrics("api", createLogger({ name: "test", level: "silent" }));
  exportDeployment({ store: api.store, metrics });
  const samples = (await metrics.text()).split("\n").map((line) => line.split(" "));
  const value = (sample: string) => Number(samples.find(([name]) => name === sample)?.[1]);
  expect(value('llamero_queue_workers{model="tiny"}')).toBe(1);
  expect(value('llamero_queue_slots{model="tiny"}')).toBe(8);
  expect(value('llamero_queue_oldest_seconds{model="tiny"}')).toBeGreaterThanOrEqual(0);
  expect(value('llamero_jobs{model="tiny",class="high",state="queued"}')).toBe(1);
  expect(value('llamero_model_breaker{model="tiny",state="closed"}')).toBe(1);
  expect(value('llamero_queue_jobs{model="embedder",class="low"}')).toBe(0);
});

import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Job } from "@llamero/core";
import type { LlameroProcess } from "@llamero/testkit";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Client, Deployment, longJob, sentiment } from "./deployment.ts";

const run = promisify(execFile);
const tiny = new URL("../../../models/tiny/tiny.gguf", import.meta.url).pathname;

/** The bundled model takes 11 MB with two slots. */
const ROOM_FOR = { one: "0.015", two: "0.026" };

let folder: string;
const fileOf = (name: string) => join(folder, `${name}.gguf`);
const restore = (name: string) => copyFile(tiny, fileOf(name));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-placement-"));
  await Promise.all(["a", "b", "c"].map(restore));
});
afterAll(() => rm(folder, { recursive: true }));

/** A deployment whose workers serve these models in this much memory. */
async function open(names: readonly string[], memory: string) {
  const env = {
    LLAMERO_MODELS: names.map(fileOf).join(","),
    LLAMERO_MEMORY_GB: memory,
    LLAMERO_SLOTS: "2",
    LLAMERO_GPU: "false",
  };
  const deployment = await Deployment.open(env);
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  return { deployment, api, worker };
}

interface Shown {
  id: string;
  status: string;
  slots: number;
  error: { code: string; message: string } | null;
}

async function shown(api: Client): Promise<Record<string, Shown>> {
  const { data } = (await api.call("GET", "/v1/models")).body as { data: Shown[] };
  return Object.fromEntries(data.map((model) => [model.id, model]));
}

const statuses = async (api: Client) => Object.values(await shown(api)).map(({ id, status }) => `${id} ${status}`);

/** Waits until the models are shown so. */
const settled = (api: Client, expected: readonly string[]) =>
  vi.waitFor(async () => expect(await statuses(api)).toEqual(expected), { timeout: 20_000, interval: 20 });

/** How many engine processes a worker has, loading ones included. */
async function engines({ child }: LlameroProcess): Promise<number> {
  const { stdout } = await run("ps", ["axww", "-o", "ppid=,command="], { maxBuffer: 1 << 26 });
  const ofWorker = stdout.split("\n").filter((line) => Number.parseInt(line, 10) === child.pid);
  return ofWorker.filter((line) => line.includes("child/main.ts")).length;
}

const on = (model: string, job: object) => ({ ...job, model });
const decoding = (job: Job) => job.status === "running" && job.progress.completion_tokens > 0;
const enginePid = (worker: LlameroProcess, model: string) =>
  Number(worker.log.findLast((entry) => entry["model"] === model && "engine_pid" in entry)?.["engine_pid"]);

test("jobs for more models than fit all end, and no more than fit are ever in memory", async () => {
  const { deployment, api, worker } = await open(["a", "b", "c"], ROOM_FOR.two);
  await using _ = deployment;
  expect(await statuses(api)).toEqual(["a ready", "b ready", "c unloaded"]);
  expect(worker.ready.models?.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  const jobs = await Promise.all(["c", "a", "b", "c", "b", "a"].map((model) => api.submit(on(model, sentiment))));
  let done = false;
  const most: number[] = [];
  const watching = (async () => {
    for (; !done; ) most.push(await engines(worker));
  })();
  for (const job of jobs)
    expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 1, output: { text: "positive" } });
  done = true;
  await watching;
  expect(Math.max(...most)).toBe(2);
  expect(await worker.stop()).toBe(0);
});

test("the least recently used model makes room", async () => {
  const { deployment, api } = await open(["a", "b", "c"], ROOM_FOR.two);
  await using _ = deployment;
  for (const model of ["b", "a"]) await api.ended((await api.submit(on(model, sentiment))).id);
  const third = await api.submit(on("c", sentiment));
  await settled(api, ["a ready", "b unloaded", "c loading"]);
  await api.ended(third.id);
  await settled(api, ["a ready", "b unloaded", "c ready"]);
  expect(await shown(api)).toMatchObject({ a: { slots: 2 }, b: { slots: 0, error: null } });
});

test("a model keeps its place until its jobs have ended; the other's job waits for it", async () => {
  const { deployment, api } = await open(["a", "b"], ROOM_FOR.one);
  await using _ = deployment;
  const first = await api.submit(on("a", longJob));
  await api.until(first.id, decoding);
  const second = await api.ended((await api.submit(on("b", sentiment))).id);
  const ended = await api.ended(first.id);
  expect(ended).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(second).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(Date.parse(second.started_at ?? "")).toBeGreaterThanOrEqual(Date.parse(ended.finished_at ?? ""));
  await settled(api, ["a unloaded", "b ready"]);
});

test("an engine that crashes takes its own model's jobs along and no other's", async () => {
  const { deployment, api, worker } = await open(["a", "b"], ROOM_FOR.two);
  await using _ = deployment;
  const [doomed, spared] = [await api.submit(on("a", longJob)), await api.submit(on("b", longJob))];
  for (const job of [doomed, spared]) await api.until(job.id, decoding);
  process.kill(enginePid(worker, "a"), "SIGSEGV");
  expect(await api.ended(spared.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(await api.ended(doomed.id)).toMatchObject({ status: "succeeded", attempts: 2 });
});

test("a model that cannot be loaded says why and is tried again; the others go on", async () => {
  const { deployment, api } = await open(["a", "b"], ROOM_FOR.one);
  await using _ = deployment;
  await rm(fileOf("b"));
  const waiting = await api.submit(on("b", sentiment));
  await vi.waitFor(
    async () => {
      const error = { code: "model_file_invalid", message: expect.stringContaining("cannot be opened") };
      expect((await shown(api))["b"]).toMatchObject({ status: "failed", error });
    },
    { timeout: 20_000, interval: 20 },
  );
  expect(await api.ended((await api.submit(on("a", sentiment))).id)).toMatchObject({ status: "succeeded" });
  await restore("b");
  expect(await api.ended(waiting.id)).toMatchObject({ status: "succeeded", attempts: 1 });
});

test("of two workers one changes over, and the other keeps what it has", async () => {
  const { deployment, api } = await open(["a", "b"], ROOM_FOR.one);
  await using _ = deployment;
  await deployment.start("worker");
  expect(await shown(api)).toMatchObject({ a: { workers: 2, slots: 4 }, b: { workers: 0, slots: 0 } });
  const jobs = await Promise.all(Array.from({ length: 8 }, (_value, index) => api.submit(on("ab"[index % 2] ?? "a", sentiment))));
  for (const job of jobs) expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(await shown(api)).toMatchObject({ a: { workers: 1, slots: 2 }, b: { workers: 1, slots: 2 } });
});

test("a job whose worker is killed is taken over by one that had not loaded its model", async () => {
  const { deployment, api, worker } = await open(["a", "b"], ROOM_FOR.one);
  await using _ = deployment;
  const job = await api.submit(on("b", longJob));
  await api.until(job.id, decoding);
  const waiting = await api.submit(on("b", sentiment));
  await worker.kill();
  await deployment.start("worker");
  expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 2 });
  expect(await api.ended(waiting.id)).toMatchObject({ status: "succeeded" });
});

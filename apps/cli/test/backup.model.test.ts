import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "@llamero/core";
import { connectRedis } from "@llamero/store";
import { WebhookReceiver } from "@llamero/testkit";
import { afterAll, expect, test, vi } from "vitest";
import { type Client, Deployment, decoding, longJob, sentiment } from "./deployment.ts";

const folder = await mkdtemp(join(tmpdir(), "llamero-backup-"));
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

const env = { LLAMERO_SLOTS: "1", LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32", LLAMERO_WEBHOOK_HTTP: "true" };
const open = (storage: string) => Deployment.open({ ...env, LLAMERO_STORAGE: at(storage) });

/** What docs/operations.md says, step by step. */
async function backUp({ redis: { url, dir } }: Deployment): Promise<void> {
  const redis = await connectRedis(url, "commands");
  try {
    await redis.config("SET", "auto-aof-rewrite-percentage", "0");
    await vi.waitFor(async () => expect(await redis.info("persistence")).toContain("aof_rewrite_in_progress:0"), 10_000);
    await cp(join(dir, "appendonlydir"), at("appendonlydir"), { recursive: true });
    await redis.config("SET", "auto-aof-rewrite-percentage", "100");
    await cp(at("storage"), at("storage-copy"), { recursive: true });
  } finally {
    redis.disconnect();
  }
}

/** A deployment of which nothing runs yet but Redis, on the copies. */
async function restore(): Promise<Deployment> {
  const deployment = await open("storage-copy");
  const { redis } = deployment;
  await redis.kill();
  await rm(join(redis.dir, "appendonlydir"), { recursive: true });
  await cp(at("appendonlydir"), join(redis.dir, "appendonlydir"), { recursive: true });
  await redis.restart();
  return deployment;
}

async function upload(api: Started, text: string): Promise<string> {
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new File([text], "lines.jsonl"));
  const response = await fetch(`${api.process.ready.url}/v1/files`, { method: "POST", body: form });
  return ((await response.json()) as { id: string }).id;
}

type Started = Awaited<ReturnType<Deployment["startApi"]>>;
const content = async (api: Started, file: string) => (await fetch(`${api.process.ready.url}/v1/files/${file}/content`)).text();
const read = async (api: Client, { id }: Job) => (await api.call("GET", `/v1/jobs/${id}`)).body;
const idsOf = ({ received }: WebhookReceiver, { id }: Job) =>
  received.filter(({ body }) => body.includes(id)).map(({ headers }) => headers["webhook-id"]);

test("all that was accepted before a backup that was made while everything runs is there when it is restored, and ends", async () => {
  await using receiver = await WebhookReceiver.start();
  const told = (job: Job, times: number) =>
    vi.waitFor(() => expect(idsOf(receiver, job)).toHaveLength(times), { timeout: 20_000, interval: 20 });
  await using lost = await open("storage");
  const [api] = await Promise.all([lost.startApi(), lost.start("worker")]);
  await api.call("POST", "/v1/webhook-endpoints", { url: receiver.url });
  const file = await upload(api, "{}\n");
  const ended = await api.ended((await api.submit(sentiment)).id);
  const running = await api.submit(longJob);
  const waiting = await Promise.all(Array.from({ length: 20 }, () => api.submit(sentiment)));
  await api.until(running.id, decoding(1));
  let isCopied = false;
  const copying = backUp(lost).finally(() => {
    isCopied = true;
  });
  for (; !isCopied; ) await api.submit(sentiment);
  await copying;
  const late = await api.submit(sentiment);
  await lost.start("dispatcher");
  await Promise.all([ended, running, late].map((job) => told(job, 1)));
  const endedBefore = await read(api, running);
  await lost[Symbol.asyncDispose]();

  await using restored = await restore();
  const again = await restored.startApi();
  expect(await read(again, ended)).toEqual(ended);
  expect(await content(again, file)).toBe("{}\n");
  expect(await read(again, running)).toMatchObject({ status: "running", attempts: 1, output: null });
  expect(await read(again, late)).toMatchObject({ error: { code: "job_not_found" } });
  await Promise.all([restored.start("worker"), restored.start("dispatcher")]);
  for (const job of waiting) expect(await again.ended(job.id)).toMatchObject({ status: "succeeded" });
  const { output, resumed_from } = await again.ended(running.id);
  expect(endedBefore).toMatchObject({ output });
  expect(resumed_from).toBeGreaterThan(0);
  expect(await again.ended((await again.submit(sentiment)).id)).toMatchObject({ status: "succeeded" });

  await Promise.all([ended, running].map((job) => told(job, 2)));
  expect(new Set(idsOf(receiver, ended)).size).toBe(1);
  expect(new Set(idsOf(receiver, running)).size).toBe(2);
});

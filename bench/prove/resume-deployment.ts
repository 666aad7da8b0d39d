import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis } from "@llamero/testkit";
import { createParser } from "eventsource-parser";
import { DECODED_LOG } from "./count-decoded.ts";
import type { Connection } from "./redis-stats.ts";

const preload = new URL("./count-decoded.ts", import.meta.url).href;
/** A worker's settings for the engine, as the trial of the prompts has them. */
const ENGINE = { LLAMERO_GPU: "false", LLAMERO_THREADS: "1", LLAMERO_PARALLEL_CONTEXTS: "1", LLAMERO_CONTEXT: "1024" };
const MODEL = "bench";

/** A job's text as a client reads it from the first event on. */
export interface Read {
  text: string;
  /** How often the client was told to forget it. */
  resets: number;
}

/** Redis, an API, and workers that come and go. */
export interface ResumeDeployment {
  redis: Connection;
  startWorker(): Promise<LlameroProcess>;
  submit(prompt: string, params: object): Promise<string>;
  get(id: string): Promise<Job>;
  /** The job when it has ended. */
  ended(id: string): Promise<Job>;
  /** Resolves with the job as soon as `isSo` holds. */
  until(id: string, isSo: (job: Job) => boolean): Promise<Job>;
  /** Reads a job's events from the first to the last. */
  read(id: string): Promise<Read>;
  /** The ordinals of a job's chunks, and the tokens in them. */
  stored(id: string): Promise<{ ordinals: string[]; tokens: number }>;
  /** Tokens that all engines have decoded for each job. */
  decoded(): Promise<Map<string, number>>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openResumeDeployment(path: string, slots: number): Promise<ResumeDeployment> {
  const folder = await mkdtemp(join(tmpdir(), "llamero-resume-"));
  const log = join(folder, "decoded");
  await writeFile(log, "");
  const server = await startRedis();
  const redis = await connectRedis(server.url, "commands");
  const { keys } = createStore({ redis, prefix: "llamero" });
  const env = { REDIS_URL: server.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn" };
  const processes: LlameroProcess[] = [];
  const close = async () => {
    await Promise.all(processes.map((process) => process.kill()));
    redis.disconnect();
    await server.close();
    await rm(folder, { recursive: true });
  };
  const api = await startLlamero("api", env).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  processes.push(api);
  const url = `${api.ready.url}/v1/jobs`;
  const get = async (id: string, query = "") => call(`${url}/${id}${query}`);
  return {
    redis,
    get,
    startWorker: async () => {
      const engine = { ...ENGINE, LLAMERO_MODELS: `${MODEL}=${path}`, LLAMERO_SLOTS: String(slots) };
      const counting = { NODE_OPTIONS: `--import=${preload}`, [DECODED_LOG]: log };
      const worker = await startLlamero("worker", { ...env, ...engine, ...counting });
      processes.push(worker);
      return worker;
    },
    submit: async (prompt, params) => {
      const body = { model: MODEL, messages: [{ role: "user", content: prompt }], params };
      const headers = { "content-type": "application/json", "idempotency-key": randomUUID() };
      return (await call(url, { method: "POST", headers, body: JSON.stringify(body) })).id;
    },
    ended: async (id) => {
      for (;;) {
        const job = await get(id, "?wait=60");
        if (job.finished_at !== null) return job;
      }
    },
    until: async (id, isSo) => {
      for (;;) {
        const job = await get(id);
        if (isSo(job)) return job;
        await turn();
      }
    },
    read: (id) => readEvents(`${url}/${id}/events`),
    stored: async (id) => {
      const entries = await redis.xrange(keys.chunks(id), "-", "+");
      const counts = entries.map(([, fields]) => Number(fields[fields.indexOf("count") + 1]));
      return { ordinals: entries.map(([ordinal]) => ordinal), tokens: counts.reduce((sum, count) => sum + count, 0) };
    },
    decoded: async () => {
      const counts = new Map<string, number>();
      // A task is named after its job and the claim that it runs under.
      for (const [, id] of (await readFile(log, "utf8")).matchAll(/^(\w+)-\d+$/gm))
        if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
      return counts;
    },
    [Symbol.asyncDispose]: close,
  };
}

async function call(url: string, init?: RequestInit): Promise<Job> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return jobSchema.parse(await response.json());
}

async function readEvents(url: string): Promise<Read> {
  const read: Read = { text: "", resets: 0 };
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === "delta") read.text += (JSON.parse(data) as { text: string }).text;
      if (event !== "status" || !(JSON.parse(data) as { text_reset: boolean }).text_reset) return;
      read.text = "";
      read.resets += 1;
    },
  });
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) parser.feed(piece);
  return read;
}

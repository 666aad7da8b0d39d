import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import type { BenchJob, Contestant, Course, JobTrace } from "./contestant.ts";
import { send } from "./lean-client.ts";

const MODEL = "bench";
/** Longest wait that the API takes. */
const WAIT_SECONDS = 60;
/** As many clients as keep the queue's window, of twice the slots, filled while the slots are busy. */
const CLIENTS_PER_SLOT = 3;

/** How often, and after how many milliseconds, a call is repeated that the API could not serve for a moment. */
const TRIES = 20;
const RETRY_MS = 250;

async function call(url: string, options: Parameters<typeof send>[1]): Promise<Job> {
  let answer = await send(url, options);
  for (let tries = 1; answer.status === 503 && tries < TRIES; tries++) {
    await pause(RETRY_MS);
    answer = await send(url, options);
  }
  if (answer.status >= 300) throw new Error(`${url} answered ${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text) as Job;
}

/** As a client does that wants each job's result: it waits with the submission, and goes on waiting where that is not enough. */
async function runOverHttp(url: string, { id, prompt, maxTokens }: BenchJob): Promise<JobTrace> {
  const body = { model: MODEL, type: "completion", prompt, params: { max_tokens: maxTokens, ignore_eos: true } };
  const headers = { "idempotency-key": id, prefer: `wait=${WAIT_SECONDS}` };
  let job = await call(`${url}/v1/jobs`, { method: "POST", headers, body: JSON.stringify(body) });
  while (job.finished_at === null) job = await call(`${url}/v1/jobs/${job.id}?wait=${WAIT_SECONDS}`, {});
  return traceOf(job);
}

function traceOf(job: Job): JobTrace {
  const { usage, timings, started_at, finished_at } = job;
  if (job.status !== "succeeded" || usage === null || started_at === null || finished_at === null)
    throw new Error(`job ${job.id} ended as ${job.status}: ${job.error?.message}`);
  const endedAtMs = Date.parse(finished_at);
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    startedAtMs: Date.parse(started_at),
    firstTokenAtMs: endedAtMs - (timings?.generate_ms ?? 0),
    endedAtMs,
  };
}

async function startBoth(redis: TestRedis, { path, slots, contextSize, threads, contexts, gpu, dataDir }: Course) {
  const shared = { REDIS_URL: redis.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "info", DATA_DIR: dataDir };
  const api = await startLlamero("api", shared);
  const worker = await startLlamero("worker", {
    ...shared,
    LLAMERO_MODELS: `${MODEL}=${path}`,
    LLAMERO_SLOTS: String(slots),
    LLAMERO_CONTEXT: String(contextSize),
    LLAMERO_GPU: gpu,
    ...(threads === null ? {} : { LLAMERO_THREADS: String(threads) }),
    ...(contexts === null ? {} : { LLAMERO_PARALLEL_CONTEXTS: String(contexts) }),
  }).catch(async (error: unknown) => {
    await api.kill();
    throw error;
  });
  return { api, worker };
}

function ended({ child }: LlameroProcess, name: string): Promise<never> {
  return once(child, "exit").then(([code]) => Promise.reject(new Error(`the ${name} ended with ${code}`)));
}

/** Everything: HTTP, Redis, the queue, a worker and its engine, and the results back over HTTP. */
export async function openWholePath(course: Course): Promise<Contestant> {
  const redis = await startRedis();
  const { api, worker } = await startBoth(redis, course).catch(async (error: unknown) => {
    await redis.close();
    throw error;
  });
  const failed = Promise.race([ended(api, "api"), ended(worker, "worker")]);
  failed.catch(() => {});
  const url = api.ready.url ?? "";
  return {
    name: "whole path",
    layout: "as engine",
    loopPid: null,
    pids: [api.child.pid, worker.child.pid, redis.process.pid].filter((pid) => pid !== undefined),
    inFlight: course.slots * CLIENTS_PER_SLOT,
    failed,
    run: (job) => runOverHttp(url, job),
    counters: async () => null,
    close: async () => {
      await Promise.all([api.kill(), worker.kill()]);
      await redis.close();
    },
  };
}

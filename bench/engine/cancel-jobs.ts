import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import { connectRedis } from "@llamero/store";
import { type LlameroProcess, startLlamero, startRedis } from "@llamero/testkit";
import { benchModel } from "../models/bench-model.ts";
import { redisVersion } from "../prove/redis-stats.ts";
import type { Findings } from "../prove/report.ts";
import type { EngineProofOptions } from "./engine-proof.ts";
import { usageOf, withDescendants } from "./process-usage.ts";
import { Prompts } from "./prompts.ts";
import { percentile } from "./statistics.ts";

interface Sizes {
  model: string;
  cancels: number;
  slots: number;
  /** Longest prompt; lengths are random, so that some jobs are cancelled while their prompt is computed. */
  prompt: number;
  tokens: number;
}

const FULL: Sizes = { model: "15m", cancels: 1_000, slots: 8, prompt: 512, tokens: 500 };
const QUICK: Sizes = { model: "tiny", cancels: 30, slots: 2, prompt: 200, tokens: 200 };
const MODEL = "bench";
const CONTEXT = 1_024;
/** Jobs are cancelled after a random time up to this, in milliseconds: waiting, being fed, claimed, prefilling or decoding. */
const LONGEST_LIFE_MS = 600;
/** Clients per slot: some of their jobs always wait. */
const CLIENTS_PER_SLOT = 2;
const MOST_GROWTH = 0.05;
/** What a queue leaves behind that has run and is empty again; anything else is a carrier, a lock or an entry of one. */
const QUEUE_FURNITURE = /:(meta|events|id|stalled-check|marker)$/;

interface Course {
  url: string;
  prompts: Prompts;
  sizes: Sizes;
}

async function call(course: Course, method: string, path: string, body?: unknown): Promise<Job> {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`${course.url}${path}`, { method, ...content });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return jobSchema.parse(await response.json());
}

function submit(course: Course, promptTokens: number): Promise<Job> {
  const prompt = course.prompts.words(promptTokens);
  const params = { max_tokens: course.sizes.tokens, ignore_eos: true };
  return call(course, "POST", "/v1/jobs", { model: MODEL, type: "completion", prompt, params });
}

interface Cancelled {
  job: Job;
  /** From the call to its answer, which is the ended job. */
  answerMs: number;
}

async function cancelOne(course: Course): Promise<Cancelled> {
  const { id } = await submit(course, 1 + course.prompts.below(course.sizes.prompt));
  // A foreseen wait, not for an event: when a job is cancelled is to be random.
  await pause(course.prompts.below(LONGEST_LIFE_MS));
  const calledAtMs = performance.now();
  const job = await call(course, "POST", `/v1/jobs/${id}/cancel`);
  return { job, answerMs: performance.now() - calledAtMs };
}

async function cancelMany(course: Course, count: number): Promise<Cancelled[]> {
  const cancelled: Cancelled[] = [];
  let left = count;
  const client = async () => {
    while (left-- > 0) cancelled.push(await cancelOne(course));
  };
  await Promise.all(Array.from({ length: course.sizes.slots * CLIENTS_PER_SLOT }, client));
  return cancelled;
}

/** Jobs that run at the same time when as many as there are slots are submitted: none is ended before all have tokens. */
async function usableSlots(course: Course): Promise<number> {
  const jobs = await Promise.all(Array.from({ length: course.sizes.slots }, () => submit(course, 1)));
  const hasTokens = async ({ id }: Job) => {
    for (;;) {
      const job = await call(course, "GET", `/v1/jobs/${id}`);
      if (job.progress.completion_tokens > 0 || job.finished_at !== null) return job.status === "running";
    }
  };
  const running = await Promise.all(jobs.map(hasTokens));
  await Promise.all(jobs.map(({ id }) => call(course, "POST", `/v1/jobs/${id}/cancel`)));
  return running.filter(Boolean).length;
}

interface Remains {
  /** Carriers, locks and entries of them in the queues. */
  carriers: number;
  /** Jobs that stand in a window, a backlog or among the running. */
  unfinished: number;
  redis: string;
}

async function remains(redisUrl: string): Promise<Remains> {
  const redis = await connectRedis(redisUrl, "commands");
  try {
    const keys = await redis.keys("*");
    const carriers = keys.filter((key) => key.includes(":bull:") && !QUEUE_FURNITURE.test(key));
    const unfinished = keys.filter((key) => /:(window|backlog|turns|heads):|:own:.*:(queued|running)$|:deadlines$/.test(key));
    return { carriers: carriers.length, unfinished: unfinished.length, redis: await redisVersion(redis) };
  } finally {
    redis.disconnect();
  }
}

interface Deployment {
  url: string;
  redisUrl: string;
  /** What the worker and its engine hold. */
  rssBytes: () => Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function deploy(path: string, sizes: Sizes, { gpu = "false", threads, contexts }: EngineProofOptions): Promise<Deployment> {
  const redis = await startRedis();
  const processes: LlameroProcess[] = [];
  const env = { REDIS_URL: redis.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn" };
  const close = async () => {
    await Promise.all(processes.map((process) => process.kill()));
    await redis.close();
  };
  try {
    const api = await startLlamero("api", env);
    processes.push(api, await startLlamero("dispatcher", env));
    const worker = await startLlamero("worker", {
      ...env,
      LLAMERO_MODELS: `${MODEL}=${path}`,
      LLAMERO_SLOTS: String(sizes.slots),
      LLAMERO_CONTEXT: String(CONTEXT),
      LLAMERO_GPU: gpu,
      ...(threads == null ? {} : { LLAMERO_THREADS: String(threads) }),
      ...(contexts == null ? {} : { LLAMERO_PARALLEL_CONTEXTS: String(contexts) }),
    });
    processes.push(worker);
    const rssBytes = async () => (await usageOf(await withDescendants([worker.child.pid ?? 0]))).rssBytes;
    return { url: api.ready.url ?? "", redisUrl: redis.url, rssBytes, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Jobs cancelled over HTTP at random times end at once, and leave no slot, no lock and no memory behind. */
export async function proveCancelJobs(options: EngineProofOptions): Promise<Findings> {
  const { isQuick, seed, log, threads = isQuick ? 1 : null, contexts = isQuick ? 1 : null } = options;
  const sizes = isQuick ? QUICK : FULL;
  const path = await benchModel(options.model ?? sizes.model);
  await using deployment = await deploy(path, sizes, { ...options, threads, contexts });
  const course: Course = { url: deployment.url, prompts: await Prompts.of(path, seed), sizes };
  const first = await cancelMany(course, sizes.cancels / 2);
  const before = await deployment.rssBytes();
  log(`${first.length} jobs cancelled`);
  const second = await cancelMany(course, sizes.cancels / 2);
  const after = await deployment.rssBytes();
  const slots = await usableSlots(course);
  return findings(sizes, [...first, ...second], { before, after, slots, ...(await remains(deployment.redisUrl)) });
}

function findings(
  sizes: Sizes,
  all: readonly Cancelled[],
  left: Remains & { before: number; after: number; slots: number },
): Findings {
  const answers = all.map(({ answerMs }) => answerMs);
  const growth = left.after / left.before - 1;
  const count = (isSo: (job: Job) => boolean) => all.filter(({ job }) => isSo(job)).length;
  const ended = count((job) => job.status === "cancelled");
  const isZero = (value: number) => value === 0;
  return {
    redisVersion: left.redis,
    figures: {
      cancels: all.length,
      cancelled_while_waiting: count((job) => job.started_at === null),
      cancelled_with_tokens: count((job) => (job.usage?.completion_tokens ?? 0) > 0),
      slots: sizes.slots,
      answer_p50_ms: percentile(answers, 0.5),
      answer_p99_ms: percentile(answers, 0.99),
      rss_mib_half: left.before / 2 ** 20,
      rss_mib_end: left.after / 2 ** 20,
    },
    claims: [
      { text: `all ${all.length} jobs end as cancelled`, value: ended, passed: ended === all.length },
      { text: `all ${sizes.slots} slots take jobs afterwards`, value: left.slots, passed: left.slots === sizes.slots },
      { text: "carriers and locks left behind", value: left.carriers, passed: isZero(left.carriers) },
      { text: "windows, backlogs and indexes with unfinished jobs", value: left.unfinished, passed: isZero(left.unfinished) },
      {
        text: `the worker's memory grows by at most ${MOST_GROWTH} over the second half`,
        value: growth,
        passed: growth <= MOST_GROWTH,
      },
    ],
  };
}

import type { Job } from "@llamero/core";
import { connectRedis, createStore } from "@llamero/store";
import { type LlameroProcess, type RedisFleet, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import { vi } from "vitest";

type ProcessKind = "api" | "worker" | "dispatcher";

/** Processes of one deployment on a Redis of its own; leaving its scope ends whatever is left. */
export class Deployment {
  readonly redis: TestRedis;
  readonly #env: Record<string, string>;
  readonly #processes: LlameroProcess[] = [];

  readonly #url: string;
  readonly #closeRedis: () => Promise<void>;

  private constructor(redis: TestRedis, { url, close }: Pick<RedisFleet, "url" | "close">, env: Record<string, string>) {
    this.redis = redis;
    this.#url = url;
    this.#closeRedis = close;
    this.#env = {
      REDIS_URL: url,
      HOST: "127.0.0.1",
      PORT: "0",
      LLAMERO_THREADS: "1",
      LLAMERO_PARALLEL_CONTEXTS: "1",
      ...env,
    };
  }

  /** @param env for all its processes */
  static async open(env: Record<string, string> = {}): Promise<Deployment> {
    const redis = await startRedis();
    return new Deployment(redis, redis, env);
  }

  /** On several Redis servers: `redis` is the one that is the primary at first. They end with the deployment. */
  static onFleet(fleet: Pick<RedisFleet, "url" | "primary" | "close">, env: Record<string, string> = {}): Deployment {
    return new Deployment(fleet.primary, fleet, env);
  }

  async start(kind: ProcessKind, env: Record<string, string> = {}): Promise<LlameroProcess> {
    const started = await startLlamero(kind, { ...this.#env, ...env });
    this.#processes.push(started);
    return started;
  }

  async startApi(env: Record<string, string> = {}): Promise<Client & { process: LlameroProcess }> {
    const process = await this.start("api", env);
    return Object.assign(new Client(process.ready.url ?? ""), { process });
  }

  /** Everything that is stored of a job, to be compared with itself later; with the process id of the worker that has it. */
  async stored(jobId: string): Promise<{ everything: unknown; workerPid: number }> {
    const redis = await connectRedis(this.#url, "commands");
    try {
      const { keys } = createStore({ redis, prefix: "llamero" });
      const record = await redis.hgetall(keys.job(jobId));
      const texts = await redis.mget(keys.result(jobId), keys.errorMessage(jobId));
      const chunks = await redis.xrange(keys.chunks(jobId), "-", "+");
      const outbox = (await redis.xrange(keys.outbox, "-", "+")).filter(([, fields]) => fields.includes(jobId));
      const info = await redis.hget(keys.worker(record["worker"] ?? ""), "info");
      const workerPid = info === null ? 0 : (JSON.parse(info) as { pid: number }).pid;
      return { everything: { record, texts, chunks, outbox }, workerPid };
    } finally {
      redis.disconnect();
    }
  }

  /** Puts other values into a job's record. */
  async write(jobId: string, fields: Record<string, number>): Promise<void> {
    const redis = await connectRedis(this.#url, "commands");
    await redis.hset(createStore({ redis, prefix: "llamero" }).keys.job(jobId), fields).finally(() => redis.disconnect());
  }

  /** Resolves when this many connections are through with their handshake, whose last command is INFO. */
  async connections(count: number): Promise<void> {
    const redis = await connectRedis(this.#url, "commands");
    const look = async () => {
      const ready = String(await redis.client("LIST")).match(/ cmd=info /g) ?? [];
      if (ready.length < count) throw new Error(`${ready.length} of ${count} connections`);
    };
    await vi.waitFor(look, { timeout: 20_000, interval: 5 }).finally(() => redis.disconnect());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    await this.#closeRedis();
  }
}

/** The process id of a worker's engine child: of the first one it started, the second, … */
export function engineOf(worker: LlameroProcess, nth = 1): Promise<number> {
  return vi.waitFor(
    () => {
      const started = worker.log.filter((entry) => "engine_pid" in entry)[nth - 1];
      if (started === undefined) throw new Error(`engine ${nth} has not started`);
      return Number(started["engine_pid"]);
    },
    { timeout: 20_000, interval: 5 },
  );
}

/** Resolves when a log has an entry with these fields. */
export async function logged(worker: LlameroProcess, fields: Record<string, string>): Promise<void> {
  const fits = (entry: Record<string, unknown>) => Object.entries(fields).every(([name, value]) => entry[name] === value);
  await vi.waitFor(
    () => {
      if (!worker.log.some(fits)) throw new Error(`not logged: ${JSON.stringify(fields)}`);
    },
    { timeout: 20_000, interval: 5 },
  );
}

/** Just enough of an HTTP client to read tests by. */
export class Client {
  readonly #url: string;
  readonly #key: string | null;

  constructor(url: string, key: string | null = null) {
    this.#url = url;
    this.#key = key;
  }

  as(key: string): Client {
    return new Client(this.#url, key);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(this.#key === null ? {} : { authorization: `Bearer ${this.#key}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async submit(body: unknown): Promise<Job> {
    const answer = await this.call("POST", "/v1/jobs", body);
    if (answer.status !== 202) throw new Error(`submit answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body as Job;
  }

  /** The job when it has ended, or after a minute. */
  async ended(id: string): Promise<Job> {
    return (await this.call("GET", `/v1/jobs/${id}?wait=60`)).body as Job;
  }

  /** The job as soon as `isSo` holds; the answer itself paces the loop. */
  async until(id: string, isSo: (job: Job) => boolean): Promise<Job> {
    const until = performance.now() + 30_000;
    for (;;) {
      const job = (await this.call("GET", `/v1/jobs/${id}`)).body as Job;
      if (isSo(job)) return job;
      if (performance.now() > until) throw new Error(`waited 30 s; the job is ${JSON.stringify(job)}`);
    }
  }
}

/** It is in an engine: its latest attempt has made tokens of its own. */
export const hasNewTokens = (job: Job) => job.progress.completion_tokens > (job.resumed_from ?? 0);
export const decoding = (attempts: number) => (job: Job) =>
  job.attempts === attempts && job.status === "running" && hasNewTokens(job);

/** A job that keeps a slot busy for a while: a second or so on two cores. */
export const longJob = { prompt: "Write a short story about a llama.", params: { max_tokens: 900, ignore_eos: true } };
export const sentiment = { prompt: "Classify the sentiment: I love it." };

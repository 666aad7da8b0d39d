import type { Job } from "@llamero/core";
import { type LlameroProcess, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";

type ProcessKind = "api" | "worker" | "dispatcher";

/** Processes of one deployment on a Redis of its own; leaving its scope ends whatever is left. */
export class Deployment {
  readonly redis: TestRedis;
  readonly #env: Record<string, string>;
  readonly #processes: LlameroProcess[] = [];

  private constructor(redis: TestRedis, env: Record<string, string>) {
    this.redis = redis;
    this.#env = {
      REDIS_URL: redis.url,
      HOST: "127.0.0.1",
      PORT: "0",
      LLAMERO_THREADS: "1",
      LLAMERO_PARALLEL_CONTEXTS: "1",
      ...env,
    };
  }

  /** @param env for all its processes */
  static async open(env: Record<string, string> = {}): Promise<Deployment> {
    return new Deployment(await startRedis(), env);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    await this.redis.close();
  }
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

/** A job that keeps a slot busy for a while: a second or so on two cores. */
export const longJob = { prompt: "Write a short story about a llama.", params: { max_tokens: 900, ignore_eos: true } };
export const sentiment = { prompt: "Classify the sentiment: I love it." };

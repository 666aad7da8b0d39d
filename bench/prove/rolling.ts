import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import { seededRandom, WebhookReceiver } from "@llamero/testkit";
import { percentile } from "../engine/statistics.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { openRollingDeployment, type RollingDeployment } from "./rolling-deployment.ts";

interface Sizes {
  /** Calls a second. */
  rate: number;
  /** Times that everything is restarted. */
  rounds: number;
}

const FULL: Sizes = { rate: 20, rounds: 3 };
const QUICK: Sizes = { rate: 10, rounds: 1 };
/** Between two restarts, for calls to find everything as it is then, in milliseconds. */
const REST_MS = 1_000;
/** For what is told after the last job has ended, in milliseconds. */
const TOLD_WITHIN_MS = 30_000;

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const headers = { "content-type": "application/json" };

/** What became of the calls. */
class Calls {
  readonly failures: string[] = [];
  readonly latenciesMs: number[] = [];
  readonly jobs: string[] = [];
  readonly #url: string;
  readonly #hook: string;

  constructor(url: string, hook: string) {
    this.#url = url;
    this.#hook = hook;
  }

  /** One call of a kind; whatever goes wrong with it is noted. */
  async make(kind: "submit" | "read" | "chat" | "stream"): Promise<void> {
    const startedMs = performance.now();
    try {
      await this[kind]();
      this.latenciesMs.push(performance.now() - startedMs);
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
      this.failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}${cause}`);
    }
  }

  async submit(): Promise<void> {
    const params = { max_tokens: 48, ignore_eos: true };
    const webhook = { url: this.#hook, secret: SECRET };
    const answer = await this.#post("/v1/jobs", { prompt: "Write a short story about a llama.", params, webhook }, 202);
    this.jobs.push(jobSchema.parse(await answer.json()).id);
  }

  async read(): Promise<void> {
    const id = this.jobs.at(-1);
    if (id === undefined) return;
    await okay(await fetch(`${this.#url}/v1/jobs/${id}`), 200);
  }

  async chat(): Promise<void> {
    const answer = await this.#post("/v1/chat/completions", this.#conversation(false), 200);
    await answer.json();
  }

  async stream(): Promise<void> {
    const answer = await this.#post("/v1/chat/completions", this.#conversation(true), 200);
    const text = await answer.text();
    if (!text.includes("data: [DONE]")) throw new Error("the stream ended before its end");
  }

  #conversation(stream: boolean) {
    return { model: "tiny", messages: [{ role: "user", content: "Hello." }], max_tokens: 16, stream };
  }

  async #post(path: string, body: object, status: number): Promise<Response> {
    return okay(await fetch(this.#url + path, { method: "POST", headers, body: JSON.stringify(body) }), status);
  }
}

async function okay(answer: Response, status: number): Promise<Response> {
  if (answer.status !== status) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer;
}

/** Everything is restarted, one process after the other, under load: nobody who calls notices. */
export async function proveRolling({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const { rate, rounds } = isQuick ? QUICK : FULL;
  await using receiver = await WebhookReceiver.start();
  log("an image is made");
  const webhooks = { LLAMERO_WEBHOOK_HTTP: "true", LLAMERO_WEBHOOK_ALLOW: "127.0.0.0/8" };
  await using deployment = await openRollingDeployment(webhooks);
  const calls = new Calls(deployment.url, receiver.url);
  const load = callAllTheTime(calls, rate, seed);
  const schedule = await restartAll(deployment, rounds, log);
  await load.stop();
  const jobs = await Promise.all(calls.jobs.map((id) => ended(deployment.url, id)));
  const told = await untilTold(receiver, jobs.length);
  const unfinished = jobs.filter(({ status }) => status !== "succeeded").length;
  for (const failure of calls.failures.slice(0, 10)) log(`failed: ${failure}`);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      calls: calls.latenciesMs.length + calls.failures.length,
      restarts: schedule.length,
      jobs: jobs.length,
      jobs_with_several_attempts: jobs.filter(({ attempts }) => attempts > 1).length,
      latency_p50_ms: percentile(calls.latenciesMs, 0.5),
      latency_p99_ms: percentile(calls.latenciesMs, 0.99),
      webhooks: receiver.received.length,
    },
    claims: [
      { text: "calls that failed at the balancer", value: calls.failures.length, passed: calls.failures.length === 0 },
      { text: "accepted jobs that did not succeed", value: unfinished, passed: unfinished === 0 },
      { text: "jobs whose end nobody was told", value: jobs.length - told, passed: told === jobs.length },
    ],
    schedule,
  };
}

/** Open loop: a call that takes long holds no other up. */
function callAllTheTime(calls: Calls, rate: number, seed: number) {
  const random = seededRandom(seed);
  const underWay = new Set<Promise<void>>();
  let isStopped = false;
  const loop = async () => {
    while (!isStopped) {
      const kind = random.pick(["submit", "submit", "read", "read", "chat", "stream"]);
      const call = calls.make(kind).finally(() => underWay.delete(call));
      underWay.add(call);
      await pause((-Math.log(1 - random.next()) / rate) * 1_000);
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      isStopped = true;
      await looping;
      await Promise.all(underWay);
    },
  };
}

async function restartAll({ processes, allUp }: RollingDeployment, rounds: number, log: (line: string) => void) {
  const schedule: string[] = [];
  const startedMs = performance.now();
  await pause(REST_MS);
  for (let round = 1; round <= rounds; round++) {
    log(`round ${round} of ${rounds}: ${processes.length} processes are restarted`);
    for (const process of processes) {
      const atMs = performance.now();
      await process.replace();
      await allUp();
      const [at, took] = [(atMs - startedMs) / 1_000, (performance.now() - atMs) / 1_000];
      schedule.push(`${at.toFixed(1)} s: ${process.name} is replaced, in ${took.toFixed(1)} s`);
      await pause(REST_MS);
    }
  }
  return schedule;
}

async function ended(url: string, id: string): Promise<Job> {
  for (;;) {
    const job = jobSchema.parse(await (await okay(await fetch(`${url}/v1/jobs/${id}?wait=60`), 200)).json());
    if (job.finished_at !== null) return job;
  }
}

/** @returns jobs whose end has been told */
async function untilTold(receiver: WebhookReceiver, jobs: number): Promise<number> {
  const told = () =>
    new Set(
      receiver.received
        .map(({ body }) => JSON.parse(body) as { type: string; data: { id: string } })
        .flatMap(({ type, data }) => (type === "job.succeeded" ? [data.id] : [])),
    ).size;
  const untilMs = performance.now() + TOLD_WITHIN_MS;
  while (told() < jobs && performance.now() < untilMs) await pause(REST_MS / 10);
  return told();
}

import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema, type Priority } from "@llamero/core";
import { createStore, type Store } from "@llamero/store";
import { seededRandom } from "@llamero/testkit";
import { inParallel, MODEL, promptSource } from "./store-door.ts";
import type { WholeDeployment } from "./whole-deployment.ts";

const IN_FLIGHT = 64;
const LEAST_TOKENS = 8;
const MOST_TOKENS = 64;
const WAIT_SECONDS = 60;
const PAGE = 100;
const LOOK_EVERY_MS = 100;
export const PREFIX = "llamero";

const keyOf = (caller: string) => `${caller}-0123456789abcdef0123456789abcdef`;

/** The keys of some callers, as the environment has them. */
export const keysOf = (callers: readonly string[]) => callers.map((name) => `${name}:${keyOf(name)}`).join(",");

/** Milliseconds from one time of a job to another. */
export const between = (from: string | null, to: string | null) => Date.parse(to ?? "") - Date.parse(from ?? "");

/** Milliseconds that a job has waited for a slot since it could first run. */
export const waitOf = ({ timings }: Job): number => timings?.queue_ms ?? Number.POSITIVE_INFINITY;

/** Those who submit, each with a key. */
export class Callers {
  readonly #deployment: WholeDeployment;
  readonly #keys: Store["keys"];
  readonly #random;
  readonly #prompt;

  constructor(deployment: WholeDeployment, seed: number) {
    this.#deployment = deployment;
    this.#keys = createStore({ redis: deployment.redis, prefix: PREFIX }).keys;
    this.#random = seededRandom(seed);
    this.#prompt = promptSource(seed);
  }

  /** A job of a random length. @param priority default: normal */
  newBody(priority: Priority = "normal"): string {
    const max_tokens = LEAST_TOKENS + this.#random.below(MOST_TOKENS - LEAST_TOKENS + 1);
    return JSON.stringify({ prompt: this.#prompt(), priority, params: { max_tokens, ignore_eos: true } });
  }

  async queue(caller: string, count: number, newBody = () => this.newBody()): Promise<void> {
    await inParallel(count, IN_FLIGHT, async () => void (await this.submit(caller, newBody())));
  }

  async submit(caller: string, body: string): Promise<Job> {
    return jobSchema.parse(await this.#call(caller, "", { method: "POST", body }));
  }

  async read(caller: string, id: string): Promise<Job> {
    return jobSchema.parse(await this.#call(caller, `/${id}`));
  }

  /** Submits a job and waits for its end. */
  async ended(caller: string, body: string): Promise<Job> {
    const prefer = { prefer: `wait=${WAIT_SECONDS}` };
    let job = jobSchema.parse(await this.#call(caller, "", { method: "POST", body }, prefer));
    while (job.finished_at === null) job = jobSchema.parse(await this.#call(caller, `/${job.id}?wait=${WAIT_SECONDS}`));
    return job;
  }

  /** A caller's jobs in a state, the newest first, so many pages at most. */
  async list(caller: string, status: string, pages = Number.POSITIVE_INFINITY): Promise<Job[]> {
    const jobs: Job[] = [];
    let after = "";
    for (let page = 0; page < pages; page++) {
      const found = (await this.#call(caller, `?status=${status}&limit=${PAGE}${after}`)) as { data: Job[]; has_more: boolean };
      jobs.push(...found.data);
      if (!found.has_more) break;
      after = `&after=${jobs.at(-1)?.id}`;
    }
    return jobs;
  }

  async cancelAll(caller: string): Promise<void> {
    const jobs = [...(await this.list(caller, "queued")), ...(await this.list(caller, "running"))];
    await inParallel(jobs.length, IN_FLIGHT, async (index) => {
      await this.#call(caller, `/${jobs[index]?.id}/cancel`, { method: "POST" });
    });
  }

  /** Waits until so many jobs of some callers together have ended. @returns when that was seen, by Redis's clock */
  async untilEnded(callers: readonly string[], count: number): Promise<number> {
    const { redis } = this.#deployment;
    const ended = async (caller: string) => redis.zcard(this.#keys.index(caller, MODEL, "succeeded"));
    while ((await Promise.all(callers.map(ended))).reduce((sum, of) => sum + of, 0) < count) await pause(LOOK_EVERY_MS);
    const [seconds, microseconds] = await redis.time();
    return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  }

  /** Tokens of a caller's jobs that ended between two times. */
  async tokens(caller: string, from: number, to: number): Promise<number> {
    return (await this.list(caller, "succeeded"))
      .filter(({ finished_at }) => Date.parse(finished_at ?? "") >= from && Date.parse(finished_at ?? "") < to)
      .reduce((sum, { usage }) => sum + (usage?.total_tokens ?? 0), 0);
  }

  async #call(caller: string, path: string, init: RequestInit = {}, headers: Record<string, string> = {}): Promise<unknown> {
    const authorization = { authorization: `Bearer ${keyOf(caller)}` };
    const type = init.body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(`${this.#deployment.url}${path}`, {
      ...init,
      headers: { ...authorization, ...type, ...headers },
    });
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
    return response.json();
  }
}

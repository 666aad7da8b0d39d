import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import { createStore, type Store } from "@llamero/store";
import { seededRandom } from "@llamero/testkit";
import { percentile } from "../engine/statistics.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Claim, Findings, ProofOptions } from "./report.ts";
import { inParallel, MODEL, promptSource } from "./store-door.ts";
import { openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  /** Jobs that the busy caller has queued, and that the other submits one at a time. */
  queued: number;
  singles: number;
  /** Jobs that each of two weighted callers has queued, and of which so many end before they are counted, and while they are. */
  weighted: number;
  settling: number;
  counted: number;
}

const FULL: Sizes = { queued: 10_000, singles: 200, weighted: 3_000, settling: 300, counted: 2_000 };
const QUICK: Sizes = { queued: 200, singles: 10, weighted: 200, settling: 30, counted: 120 };
/** Names, as their keys begin. */
const CALLERS = ["busy", "single", "three", "one"] as const;
type Caller = (typeof CALLERS)[number];
const IN_FLIGHT = 64;
const MOST_JOB_TIMES = 3;
const WEIGHT = 3;
const LEAST_TOKENS = 8;
const MOST_TOKENS = 64;
const WAIT_SECONDS = 60;
const PAGE = 100;
const PREFIX = "llamero";
const LOOK_EVERY_MS = 100;

const keyOf = (caller: Caller) => `${caller}-0123456789abcdef0123456789abcdef`;

/** A caller's share of the slots does not depend on how much others have queued. */
export async function proveFairShare({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  await using deployment = await openWholeDeployment({
    LLAMERO_API_KEYS: CALLERS.map((name) => `${name}:${keyOf(name)}`).join(","),
  });
  const callers = new Callers(deployment, seed);
  log(`one caller queues ${sizes.queued} jobs`);
  await callers.queue("busy", sizes.queued);
  log(`another submits ${sizes.singles}, one at a time`);
  const singles: Job[] = [];
  for (let i = 0; i < sizes.singles; i++) singles.push(await callers.ended("single", callers.newBody()));
  const jobMs = singles.reduce((sum, job) => sum + between(job.started_at, job.finished_at), 0) / singles.length;
  const waitsMs = singles.map((job) => between(job.created_at, job.started_at));
  const busyLeft = (await callers.list("busy", "queued", 1)).length;
  await callers.cancelAll("busy");
  const shared = await shareByWeight(deployment, callers, sizes, log);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      queued: sizes.queued,
      singles: sizes.singles,
      job_mean_ms: jobMs,
      wait_p50_ms: percentile(waitsMs, 0.5),
      wait_p99_ms: percentile(waitsMs, 0.99),
      weighted_tokens: shared.tokens,
      weighted_share: shared.share,
    },
    claims: [
      {
        text: "jobs of the busy caller that still waited at the end, on one page of its list",
        value: busyLeft,
        passed: busyLeft > 0,
      },
      claimWait(percentile(waitsMs, 0.99) / jobMs),
      {
        text: "of the tokens, the share of a caller of weight 3 beside one of 1: 0.75, 5 % more or less",
        ...near(shared.share, 0.75),
      },
    ],
  };
}

function claimWait(value: number): Claim {
  const text = `job times that the 99th of 100 single jobs waits beside a caller with a long queue: at most ${MOST_JOB_TIMES}`;
  return { text, value, passed: value <= MOST_JOB_TIMES };
}

const near = (value: number, wanted: number) => ({ value, passed: Math.abs(value / wanted - 1) <= 0.05 });
const between = (from: string | null, to: string | null) => Date.parse(to ?? "") - Date.parse(from ?? "");

/** Two callers keep long queues; the tokens of what ends of each are counted over a while. */
async function shareByWeight(
  { redis }: WholeDeployment,
  callers: Callers,
  { weighted, settling, counted }: Sizes,
  log: (line: string) => void,
): Promise<{ share: number; tokens: number }> {
  await createStore({ redis, prefix: PREFIX }).setWeight("three", WEIGHT);
  log(`two callers of the weights ${WEIGHT} and 1 queue ${weighted} jobs each`);
  await Promise.all([callers.queue("three", weighted), callers.queue("one", weighted)]);
  const from = await callers.untilEnded(["three", "one"], settling);
  const to = await callers.untilEnded(["three", "one"], settling + counted);
  if ((await callers.list("three", "queued", 1)).length === 0) throw new Error("a queue ran empty while shares were counted");
  const [ofThree, ofOne] = [await callers.tokens("three", from, to), await callers.tokens("one", from, to)];
  return { share: ofThree / (ofThree + ofOne), tokens: ofThree + ofOne };
}

/** Those who submit, each with a key. */
class Callers {
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

  newBody(): string {
    const max_tokens = LEAST_TOKENS + this.#random.below(MOST_TOKENS - LEAST_TOKENS + 1);
    return JSON.stringify({ prompt: this.#prompt(), params: { max_tokens, ignore_eos: true } });
  }

  async queue(caller: Caller, count: number): Promise<void> {
    await inParallel(count, IN_FLIGHT, async () => void (await this.#call(caller, "", { method: "POST", body: this.newBody() })));
  }

  /** Submits a job and waits for its end. */
  async ended(caller: Caller, body: string): Promise<Job> {
    const prefer = { prefer: `wait=${WAIT_SECONDS}` };
    let job = jobSchema.parse(await this.#call(caller, "", { method: "POST", body }, prefer));
    while (job.finished_at === null) job = jobSchema.parse(await this.#call(caller, `/${job.id}?wait=${WAIT_SECONDS}`));
    return job;
  }

  /** A caller's jobs in a state, the newest first, so many pages at most. */
  async list(caller: Caller, status: string, pages = Number.POSITIVE_INFINITY): Promise<Job[]> {
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

  async cancelAll(caller: Caller): Promise<void> {
    const jobs = [...(await this.list(caller, "queued")), ...(await this.list(caller, "running"))];
    await inParallel(jobs.length, IN_FLIGHT, async (index) => {
      await this.#call(caller, `/${jobs[index]?.id}/cancel`, { method: "POST" });
    });
  }

  /** Waits until so many jobs of some callers together have ended. @returns when that was seen, by Redis's clock */
  async untilEnded(callers: readonly Caller[], count: number): Promise<number> {
    const { redis } = this.#deployment;
    const ended = async (caller: Caller) => redis.zcard(this.#keys.index(caller, MODEL, "succeeded"));
    while ((await Promise.all(callers.map(ended))).reduce((sum, of) => sum + of, 0) < count) await pause(LOOK_EVERY_MS);
    const [seconds, microseconds] = await redis.time();
    return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  }

  /** Tokens of a caller's jobs that ended between two times. */
  async tokens(caller: Caller, from: number, to: number): Promise<number> {
    return (await this.list(caller, "succeeded"))
      .filter(({ finished_at }) => Date.parse(finished_at ?? "") >= from && Date.parse(finished_at ?? "") < to)
      .reduce((sum, { usage }) => sum + (usage?.total_tokens ?? 0), 0);
  }

  async #call(caller: Caller, path: string, init: RequestInit = {}, headers: Record<string, string> = {}): Promise<unknown> {
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

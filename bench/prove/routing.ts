import { setTimeout as pass } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { percentile } from "../engine/statistics.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Claim, Findings, ProofOptions } from "./report.ts";
import { openRoutingDeployment, type RoutingDeployment } from "./routing-deployment.ts";

interface Sizes {
  /** Jobs over which shares are counted. */
  shared: number;
  /** Jobs of each of the other parts. */
  part: number;
}
const FULL: Sizes = { shared: 10_000, part: 1_000 };
const QUICK: Sizes = { shared: 300, part: 40 };

const CANARY_SHARE = 0.05;
const MOST_OFF = 0.02;
/** What is under way at once. */
const AT_ONCE = 48;
const OPEN_SECONDS = 1;
const TIMEOUT_SECONDS = 1;
/** Seconds within which every process goes by a change. */
const SEEN_SECONDS = 1;
const LOOK_EVERY_MS = 20;

const chain = (extra: object = {}) => ({ targets: [{ model: "main" }], fallback: ["canary", "spare"], ...extra });
const body = (seed: number, index: number) => ({
  ...{ model: "chat", prompt: `Number ${seed}-${index}:`, params: { max_tokens: 1, ignore_eos: true } },
});

const FAULTS = ["fails", "hangs", "slows"] as const;
type Fault = (typeof FAULTS)[number];

/** Canary shares; a server that fails, hangs, slows down and comes back, behind an alias with a chain: nothing is lost, and all goes back. */
export async function proveRouting({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  await using deployment = await openRoutingDeployment();
  await deployment.set({ breaker: { open_seconds: OPEN_SECONDS, most_open_seconds: OPEN_SECONDS } });
  const seen = await seenAfter(deployment, {
    targets: [
      { model: "main", weight: 95 },
      { model: "canary", weight: 5 },
    ],
  });
  log(`${sizes.shared} jobs, 95 parts main and 5 canary`);
  const shared = await runMany(deployment, sizes.shared, (index) => body(seed, index));
  const trials: Trial[] = [];
  for (const fault of FAULTS) {
    log(`${sizes.part} jobs while main ${fault}, and as many behind its recovery`);
    trials.push(await tryOut(deployment, fault, sizes.part, seed));
  }
  const faulty = trials.flatMap(({ during }) => during);
  const recovered = trials.map(({ behind }) => behind);
  const all = [...shared, ...faulty, ...recovered.flat()];
  const canaryShare = shareOf(shared, "canary");
  const shareBehind = Math.min(...recovered.map((jobs) => shareOf(jobs, "main")));
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      jobs: all.length,
      canary_share: canaryShare,
      seconds_until_both_apis_went_by_a_change: seen,
      ...Object.assign({}, ...trials.map(figuresOf)),
      share_of_main_after_it_recovered: shareBehind,
    },
    claims: [
      none("jobs that did not succeed", all.filter(({ status }) => status !== "succeeded").length),
      none("jobs that ran on main while it failed, hung or was slow", faulty.filter(({ model }) => model === "main").length),
      atMost(
        `difference of the canary's share of ${sizes.shared} jobs from ${CANARY_SHARE}`,
        Math.abs(canaryShare - CANARY_SHARE),
        MOST_OFF,
      ),
      atMost("seconds until two API processes went by a change of the settings", seen, SEEN_SECONDS),
      ...trials.map(({ fault, asked }) =>
        atMost(`part of the jobs that reached main while it ${fault}`, asked / sizes.part, 0.1),
      ),
      atMost(
        "seconds until main had jobs again, behind its recovery",
        Math.max(...trials.map(({ backAfter }) => backAfter)),
        3 * OPEN_SECONDS,
      ),
      atLeast("share of main after it had recovered", shareBehind, 0.95),
    ],
  };
}

interface Trial {
  fault: Fault;
  during: Job[];
  /** From when the first has run on main again. */
  behind: Job[];
  /** Seconds. */
  openedAfter: number;
  backAfter: number;
  /** Requests that have reached main meanwhile. */
  asked: number;
}

/** Runs jobs while main does not do its work as it should, and when it does again. */
async function tryOut(deployment: RoutingDeployment, fault: Fault, count: number, seed: number): Promise<Trial> {
  await seenAfter(deployment, chain(fault === "fails" ? {} : { timeout_seconds: TIMEOUT_SECONDS }));
  const during = await whileMain(deployment, fault, count, seed);
  // A machine that is busy with so many processes may be slower than that all by itself.
  await seenAfter(deployment, chain());
  return { fault, ...during, ...(await afterRecovery(deployment, count, seed)) };
}

function figuresOf({ fault, during, openedAfter, backAfter, asked }: Trial): Record<string, number> {
  const took = during.map((job) => (Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)) / 1_000);
  return {
    [`main ${fault}: seconds until the breaker opened`]: openedAfter,
    [`main ${fault}: seconds from recovery until it had jobs again`]: backAfter,
    [`main ${fault}: requests that reached it`]: asked,
    [`main ${fault}: seconds from end to end, p99`]: percentile(took, 0.99),
  };
}

const none = (text: string, value: number): Claim => ({ text, value, passed: value === 0 });
const atMost = (text: string, value: number, most: number): Claim => ({
  text: `${text}, at most ${most}`,
  value,
  passed: value <= most,
});
const atLeast = (text: string, value: number, least: number): Claim => ({
  text: `${text}, at least ${least}`,
  value,
  passed: value >= least,
});
const shareOf = (jobs: readonly Job[], model: string) => jobs.filter((job) => job.model === model).length / jobs.length;
const seconds = (since: number) => (performance.now() - since) / 1_000;

/** Runs jobs, so many at once, to their ends. */
async function runMany(deployment: RoutingDeployment, count: number, make: (index: number) => object): Promise<Job[]> {
  const jobs: Job[] = [];
  let next = 0;
  const client = async () => {
    for (let index = next++; index < count; index = next++) {
      const { id } = await deployment.submit(make(index), index % deployment.urls.length);
      jobs.push(await deployment.ended(id));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return jobs;
}

/** Sets an alias of another name, and asks both processes until they go by it. The alias of the proof is set with it. */
async function seenAfter(deployment: RoutingDeployment, chat: object): Promise<number> {
  const probe = `probe-${Math.round(performance.now())}`;
  const startedAt = performance.now();
  await deployment.set({ aliases: { chat, [probe]: "spare" } });
  const knows = async (api: number) => {
    for (;;) {
      const known = await deployment.submit({ ...body(0, api), model: probe }, api).catch(() => null);
      if (known !== null) return;
    }
  };
  await Promise.all(deployment.urls.map((_url, api) => knows(api)));
  return seconds(startedAt);
}

async function whileMain(deployment: RoutingDeployment, fault: Fault, count: number, seed: number) {
  const { main } = deployment;
  const [before, startedAt] = [main.asked, performance.now()];
  main.health = fault;
  const opened = until(async () => (await deployment.breaker("main")) === "open");
  const during = await runMany(deployment, count, (index) => body(seed + 1, index));
  return { during, openedAfter: (await opened) - startedAt / 1_000, asked: main.asked - before };
}

/** Lets the main server work again; jobs are counted from when the first has run there. */
async function afterRecovery(deployment: RoutingDeployment, count: number, seed: number) {
  const startedAt = performance.now();
  deployment.main.recover();
  const runsThere = async () => (await deployment.ended((await deployment.submit(body(seed + 2, 0))).id)).model === "main";
  const at = await until(async () => (await runsThere()) && (await deployment.breaker("main")) === null);
  // Both processes look at how models are twice a second.
  await pass(SEEN_SECONDS * 1_000);
  return { backAfter: at - startedAt / 1_000, behind: await runMany(deployment, count, (index) => body(seed + 3, index)) };
}

/** When it was so for the first time, in seconds of this process's clock. */
async function until(isSo: () => Promise<boolean>): Promise<number> {
  while (!(await isSo())) await pass(LOOK_EVERY_MS);
  return performance.now() / 1_000;
}

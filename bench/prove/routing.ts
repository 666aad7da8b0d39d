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

/** Canary shares; a server that fails, hangs and comes back, behind an alias with a chain: nothing is lost, and all goes back to it. */
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
  await seenAfter(deployment, chain());
  log(`${sizes.part} jobs while main fails`);
  const failing = await whileMain(deployment, "fails", sizes.part, seed);
  log(`${sizes.part} jobs after it has recovered`);
  const recovered = await afterRecovery(deployment, sizes.part, seed);
  await seenAfter(deployment, chain({ timeout_seconds: TIMEOUT_SECONDS }));
  log(`${sizes.part} jobs while main hangs`);
  const hanging = await whileMain(deployment, "hangs", sizes.part, seed);
  // A machine that is busy with so many processes may be slower than that all by itself.
  await seenAfter(deployment, chain());
  const back = await afterRecovery(deployment, sizes.part, seed);
  const all = [...shared, ...failing.jobs, ...recovered.jobs, ...hanging.jobs, ...back.jobs];
  const canaryShare = shareOf(shared, "canary");
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      jobs: all.length,
      canary_share: canaryShare,
      seconds_until_both_apis_went_by_a_change: seen,
      seconds_until_the_breaker_opened_when_it_failed: failing.openedAfter,
      seconds_until_the_breaker_opened_when_it_hung: hanging.openedAfter,
      seconds_until_main_had_jobs_again: recovered.after,
      seconds_until_main_had_jobs_again_behind_a_hang: back.after,
      requests_that_reached_main_while_it_failed: failing.asked,
      requests_that_reached_main_while_it_hung: hanging.asked,
      seconds_from_end_to_end_p99_while_it_failed: failing.p99,
      seconds_from_end_to_end_p99_while_it_hung: hanging.p99,
      share_of_main_after_it_recovered: shareOf(recovered.jobs, "main"),
    },
    claims: [
      none("jobs that did not succeed", all.filter(({ status }) => status !== "succeeded").length),
      none(
        "jobs that ran on main while it failed or hung",
        [...failing.jobs, ...hanging.jobs].filter(({ model }) => model === "main").length,
      ),
      atMost(
        `difference of the canary's share of ${sizes.shared} jobs from ${CANARY_SHARE}`,
        Math.abs(canaryShare - CANARY_SHARE),
        MOST_OFF,
      ),
      atMost("seconds until two API processes went by a change of the settings", seen, SEEN_SECONDS),
      atMost("part of the jobs that reached main while it failed", failing.asked / sizes.part, 0.1),
      atMost("seconds until main had jobs again, behind its recovery", Math.max(recovered.after, back.after), 3 * OPEN_SECONDS),
      atLeast(
        "share of main after it had recovered",
        Math.min(shareOf(recovered.jobs, "main"), shareOf(back.jobs, "main")),
        0.95,
      ),
    ],
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

/** Runs jobs while the main server does not do its work. */
async function whileMain(deployment: RoutingDeployment, health: "fails" | "hangs", count: number, seed: number) {
  const { main } = deployment;
  const [before, startedAt] = [main.asked, performance.now()];
  main.health = health;
  const opened = until(async () => (await deployment.breaker("main")) === "open");
  const took: number[] = [];
  const jobs = await runMany(deployment, count, (index) => body(seed + 1, index));
  for (const job of jobs) took.push((Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)) / 1_000);
  return { jobs, openedAfter: (await opened) - startedAt / 1_000, asked: main.asked - before, p99: percentile(took, 0.99) };
}

/** Lets the main server work again; jobs are counted from when the first has run there. */
async function afterRecovery(deployment: RoutingDeployment, count: number, seed: number) {
  const startedAt = performance.now();
  deployment.main.recover();
  const runsThere = async () => (await deployment.ended((await deployment.submit(body(seed + 2, 0))).id)).model === "main";
  const at = await until(async () => (await runsThere()) && (await deployment.breaker("main")) === null);
  // Both processes look at how models are twice a second.
  await pass(SEEN_SECONDS * 1_000);
  return { after: at - startedAt / 1_000, jobs: await runMany(deployment, count, (index) => body(seed + 3, index)) };
}

/** When it was so for the first time, in seconds of this process's clock. */
async function until(isSo: () => Promise<boolean>): Promise<number> {
  while (!(await isSo())) await pass(LOOK_EVERY_MS);
  return performance.now() / 1_000;
}

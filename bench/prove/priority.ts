import type { Job } from "@llamero/core";
import { createStore } from "@llamero/store";
import { percentile } from "../engine/statistics.ts";
import { Callers, keysOf, PREFIX, waitOf } from "./callers.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { openWholeDeployment, type WholeDeployment } from "./whole-deployment.ts";

interface Sizes {
  /** Low jobs that stand before the high ones, which come one at a time. */
  low: number;
  high: number;
  /** High jobs that stand before the patient ones, which come one at a time, and how many of those. */
  flood: number;
  patient: number;
}

const FULL: Sizes = { low: 4_000, high: 200, flood: 6_000, patient: 30 };
const QUICK: Sizes = { low: 150, high: 10, flood: 250, patient: 2 };
const CALLERS = ["low", "high", "flood", "patient"] as const;
/** What a high job may wait on a system that is full of low ones, in milliseconds. */
const SOON_MS = 1_000;
/** From how long a wait on low jobs get one feed in eight, in seconds, here. */
const AGED_SECONDS = 2;
/** Ends of jobs after that bound until a low job is fed and runs, at most: eight for its feed, eight for its slot. */
const ENDS_AFTER_BOUND = 8 + 8;

/** Urgent jobs do not wait for others, and others do not wait for ever. */
export async function provePriority({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  await using deployment = await openWholeDeployment({ LLAMERO_API_KEYS: keysOf(CALLERS) });
  const callers = new Callers(deployment, seed);
  log(`${sizes.low} low jobs; ${sizes.high} high ones come one at a time`);
  const urgent = await amongLow(callers, sizes);
  log(`${sizes.flood} high jobs; ${sizes.patient} low ones come one at a time`);
  const patient = await amongHigh(deployment, callers, sizes);
  return {
    redisVersion: await redisVersion(deployment.redis),
    figures: {
      ...sizes,
      high_wait_p50_ms: percentile(urgent.waitsMs, 0.5),
      high_wait_p99_ms: percentile(urgent.waitsMs, 0.99),
      low_jobs_preempted: urgent.preempted,
      most_attempts_of_a_low_job: urgent.mostAttempts,
      jobs_per_s_in_the_flood: patient.jobsPerSecond,
      low_wait_p50_ms: percentile(patient.waitsMs, 0.5),
      low_wait_most_ms: Math.max(...patient.waitsMs),
      ageing_bound_ms: AGED_SECONDS * 1_000,
      ends_after_bound_p50: percentile(patient.endsAfterBound, 0.5),
    },
    claims: [
      {
        text: `milliseconds that a high job waits on a system full of low ones, at most: ${SOON_MS}`,
        value: Math.max(...urgent.waitsMs),
        passed: Math.max(...urgent.waitsMs) <= SOON_MS,
      },
      {
        text: "low jobs that did not end with all tokens that they were asked for",
        value: urgent.incomplete,
        passed: urgent.incomplete === 0,
      },
      {
        text: `high jobs that end between the bound of a low job's age and its start, at most: ${ENDS_AFTER_BOUND}`,
        value: Math.max(...patient.endsAfterBound),
        passed: Math.max(...patient.endsAfterBound) <= ENDS_AFTER_BOUND,
      },
      {
        text: "high jobs that still waited when the last low one started, on one page of the list",
        value: patient.floodLeft,
        passed: patient.floodLeft > 0,
      },
    ],
  };
}

async function amongLow(callers: Callers, { low, high }: Sizes) {
  await callers.queue("low", low, () => callers.newBody("low"));
  const waitsMs: number[] = [];
  for (let i = 0; i < high; i++) waitsMs.push(waitOf(await callers.ended("high", callers.newBody("high"))));
  const left = await callers.list("low", "queued", 1);
  if (left.length === 0) throw new Error("the low jobs had all ended before the last high one came");
  await callers.untilEnded(["low"], low);
  const ended = await callers.list("low", "succeeded");
  const wanted = ({ params }: Job) => params?.max_tokens;
  return {
    waitsMs,
    preempted: ended.filter(({ attempts }) => attempts > 1).length,
    mostAttempts: Math.max(...ended.map(({ attempts }) => attempts)),
    incomplete: low - ended.filter((job) => job.usage?.completion_tokens === wanted(job)).length,
  };
}

async function amongHigh({ redis }: WholeDeployment, callers: Callers, { flood, patient }: Sizes) {
  const { settings, now } = createStore({ redis, prefix: PREFIX });
  await settings.change({ ageing: { low_seconds: AGED_SECONDS } }, { by: "bench", nowMs: await now() });
  await callers.queue("flood", flood, () => callers.newBody("high"));
  const startedAt = performance.now();
  const before = (await callers.list("flood", "succeeded")).length;
  const low: Job[] = [];
  for (let i = 0; i < patient; i++) low.push(await callers.ended("patient", callers.newBody("low")));
  const floodLeft = (await callers.list("flood", "queued", 1)).length;
  const ends = await callers.list("flood", "succeeded");
  const jobsPerSecond = (ends.length - before + patient) / ((performance.now() - startedAt) / 1_000);
  await callers.cancelAll("flood");
  return { waitsMs: low.map(waitOf), endsAfterBound: low.map((job) => endsAfterBound(job, ends)), floodLeft, jobsPerSecond };
}

/** Counted instead of timed: how long an end takes is the machine's affair. */
function endsAfterBound({ created_at, started_at }: Job, ends: readonly Job[]): number {
  const from = Date.parse(created_at) + AGED_SECONDS * 1_000;
  const to = Date.parse(started_at ?? "");
  return ends.filter(({ finished_at }) => Date.parse(finished_at ?? "") >= from && Date.parse(finished_at ?? "") <= to).length;
}

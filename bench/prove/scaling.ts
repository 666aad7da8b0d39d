import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import type { Store } from "@llamero/store";
import { seededRandom } from "@llamero/testkit";
import { percentile } from "../engine/statistics.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { MODEL, openScalingDeployment, SAMPLE_MS, type Sampling, type Scaling, sample, TOKENS } from "./scaling-deployment.ts";
import { draw } from "./scaling-drawing.ts";
import { simulateHour } from "./scaling-simulated.ts";

const PAGE = 100;

interface Sizes extends Scaling {
  /** Jobs that come a second, and for how many seconds. */
  phases: readonly { rate: number; seconds: number }[];
  /** Workers that there are to be at the peak, at least. */
  peak: number;
  /** From the last job on until the last worker has gone, at most: the rate that fades, the pause, and a look. */
  goneWithinSeconds: number;
}

const FULL: Sizes = {
  phases: [
    { rate: 3, seconds: 40 },
    { rate: 38, seconds: 120 },
    { rate: 10, seconds: 90 },
    { rate: 30, seconds: 60 },
  ],
  targetSeconds: 20,
  downAfterSeconds: 20,
  maxWorkers: 14,
  peak: 10,
  goneWithinSeconds: 120,
};
const QUICK: Sizes = {
  phases: [{ rate: 8, seconds: 12 }],
  targetSeconds: 20,
  downAfterSeconds: 2,
  maxWorkers: 3,
  peak: 2,
  goneWithinSeconds: 120,
};

/** Workers come and go as the queue needs them: in a simulation of a recorded hour, and for real. */
export async function proveScaling({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const simulated = await simulateHour(seed, isQuick);
  await using deployment = await openScalingDeployment(sizes);
  const { api, redis, store } = deployment;
  log(`jobs come at ${sizes.phases.map(({ rate, seconds }) => `${rate}/s for ${seconds} s`).join(", ")}`);
  const sampling = sample(api, store);
  const submitted = await submitAll(api, sizes, seed, sampling);
  const jobs = await untilEnded(api, submitted);
  log("all jobs have ended; the workers are to go");
  const goneSeconds = await untilNoWorker(store, sizes.goneWithinSeconds);
  const samples = await sampling.stop();
  if (!isQuick) {
    const title = `Workers that come and go with the load, so that no job waits longer than ${sizes.targetSeconds} s`;
    await draw("scaling.svg", { title, samples, stepSeconds: SAMPLE_MS / 1_000 });
  }
  const waits = jobs.map(({ timings }) => (timings?.queue_ms ?? Number.POSITIVE_INFINITY) / 1_000);
  const failed = jobs.filter(({ status }) => status !== "succeeded").length;
  const most = Math.max(...samples.map(({ workers }) => workers));
  return {
    redisVersion: await redisVersion(redis),
    figures: {
      jobs: jobs.length,
      wait_p50_s: percentile(waits, 0.5),
      wait_p99_s: percentile(waits, 0.99),
      wait_most_s: Math.max(...waits),
      most_workers: most,
      jobs_with_several_attempts: jobs.filter(({ attempts }) => attempts > 1).length,
      workers: samples.map(({ workers }) => workers),
      desired: samples.map(({ desired }) => desired),
      waiting: samples.map(({ waiting }) => waiting),
      ...simulated.figures,
    },
    claims: [
      { text: "jobs that did not succeed", value: failed, passed: failed === 0 },
      {
        text: `seconds that a job waits, p99, at most the target: ${sizes.targetSeconds}`,
        value: percentile(waits, 0.99),
        passed: percentile(waits, 0.99) <= sizes.targetSeconds,
      },
      { text: `workers at the peak, at least ${sizes.peak}`, value: most, passed: most >= sizes.peak },
      {
        text: `seconds until the last worker has gone, at most ${sizes.goneWithinSeconds}`,
        value: goneSeconds,
        passed: goneSeconds <= sizes.goneWithinSeconds,
      },
      ...simulated.claims,
    ],
  };
}

const headers = { "content-type": "application/json" };

/** Poisson arrivals, as each phase says. @returns the ids, in the order in which they came */
async function submitAll(api: string, { phases }: Sizes, seed: number, sampling: Sampling): Promise<string[]> {
  const random = seededRandom(seed);
  const submitting: Promise<string>[] = [];
  const submit = async (number: number) => {
    const body = JSON.stringify({
      type: "completion",
      prompt: `Number ${number}.`,
      model: MODEL,
      params: { max_tokens: TOKENS },
    });
    const response = await fetch(`${api}/v1/jobs`, { method: "POST", headers, body });
    if (response.status !== 202) throw new Error(`a job was answered with ${response.status}: ${await response.text()}`);
    return jobSchema.parse(await response.json()).id;
  };
  await modelIsKnown(api);
  let dueMs = performance.now();
  for (const { rate, seconds } of phases) {
    const endMs = dueMs + seconds * 1_000;
    for (;;) {
      dueMs += (-Math.log(1 - random.next()) / rate) * 1_000;
      if (dueMs > endMs) break;
      const earlyMs = dueMs - performance.now();
      if (earlyMs > 0) await pause(earlyMs);
      sampling.arrived();
      const submitted = submit(submitting.length);
      // It is awaited with the others.
      submitted.catch(() => {});
      submitting.push(submitted);
    }
    dueMs = endMs;
  }
  return Promise.all(submitting);
}

/** The autoscaler starts one worker to find out. */
async function modelIsKnown(api: string): Promise<void> {
  while ((await fetch(`${api}/v1/models/${MODEL}`)).status !== 200) await pause(SAMPLE_MS / 10);
}

async function untilEnded(api: string, ids: readonly string[]): Promise<Job[]> {
  for (const id of ids.toReversed()) {
    for (;;) {
      const job = jobSchema.parse(await (await fetch(`${api}/v1/jobs/${id}?wait=60`)).json());
      if (job.finished_at !== null) break;
    }
  }
  const jobs: Job[] = [];
  let after = "";
  for (;;) {
    const page = (await (await fetch(`${api}/v1/jobs?limit=${PAGE}${after}`)).json()) as { data: Job[]; has_more: boolean };
    jobs.push(...page.data);
    if (!page.has_more) return jobs;
    after = `&after=${jobs.at(-1)?.id}`;
  }
}

async function untilNoWorker(store: Store, mostSeconds: number): Promise<number> {
  const startedMs = performance.now();
  const passed = () => (performance.now() - startedMs) / 1_000;
  while ((await store.liveWorkers()).length > 0 && passed() <= mostSeconds) await pause(SAMPLE_MS / 4);
  return passed();
}

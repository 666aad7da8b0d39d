import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Job, jobSchema } from "@llamero/core";
import { connectRedis, createStore, type Store } from "@llamero/store";
import { type LlameroProcess, seededRandom, startLlamero, startRedis, type TestRedis } from "@llamero/testkit";
import { percentile } from "../engine/statistics.ts";
import { plot } from "../scaling/plot.ts";
import { recordedLoad } from "../scaling/recorded-load.ts";
import { simulate } from "../scaling/simulate.ts";
import { PacedServer } from "./paced-server.ts";
import { type Connection, redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";

const ROOT = join(import.meta.dirname, "../..");
const MODEL = "paced";
const SLOTS = 8;
/** A job of 20 tokens takes two seconds, so a worker of 8 slots ends four a second. */
const TOKEN_MS = 100;
const TOKENS = 20;
const SAMPLE_MS = 1_000;
const PAGE = 100;

interface Sizes {
  /** Jobs that come a second, and for how many seconds. */
  phases: readonly { rate: number; seconds: number }[];
  targetSeconds: number;
  downAfterSeconds: number;
  maxWorkers: number;
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

interface Sample {
  workers: number;
  desired: number;
  waiting: number;
  arrived: number;
}

/** Workers come and go as the queue needs them: in a simulation of a recorded hour, and for real. */
export async function proveScaling({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const sizes = isQuick ? QUICK : FULL;
  const simulated = await simulateHour(seed, isQuick);
  await using deployment = await openDeployment(sizes);
  const { api, redis, store } = deployment;
  log(`jobs come at ${sizes.phases.map(({ rate, seconds }) => `${rate}/s for ${seconds} s`).join(", ")}`);
  const sampling = sample(api, store);
  const submitted = await submitAll(api, sizes, seed, sampling);
  const jobs = await untilEnded(api, submitted);
  log("all jobs have ended; the workers are to go");
  const goneSeconds = await untilNoWorker(store, sizes.goneWithinSeconds);
  const samples = await sampling.stop();
  if (!isQuick) await drawRun(samples, sizes);
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

const SIMULATED = {
  slots: 16,
  tokenMs: 16,
  startSeconds: 60,
  downAfterSeconds: 300,
  lookEverySeconds: 5,
  targetSeconds: 60,
  min: 0,
  max: 100,
};

async function simulateHour(seed: number, isQuick: boolean): Promise<Pick<Findings, "figures" | "claims">> {
  const { seconds, waits, workerSeconds } = simulate(await recordedLoad(seed), SIMULATED);
  const most = Math.max(...seconds.map(({ workers }) => workers));
  const late = SIMULATED.targetSeconds + SIMULATED.startSeconds;
  if (!isQuick) {
    await draw("scaling-simulated.svg", {
      title: "An hour of conversations, simulated: workers of 1,000 tokens a second that take a minute to start",
      samples: seconds.filter((_, second) => second % 10 === 0),
      stepSeconds: 10,
    });
  }
  return {
    figures: {
      simulated_jobs: waits.length,
      simulated_wait_p95_s: percentile(waits, 0.95),
      simulated_wait_p99_s: percentile(waits, 0.99),
      simulated_most_workers: most,
      simulated_share_of_a_fixed_fleet: workerSeconds / (most * seconds.length),
    },
    claims: [
      {
        text: `simulated: seconds that a job waits, p95, at most the target: ${SIMULATED.targetSeconds}`,
        value: percentile(waits, 0.95),
        passed: percentile(waits, 0.95) <= SIMULATED.targetSeconds,
      },
      {
        text: `simulated: the longest wait, at most the target and the start of a worker: ${late}`,
        value: Math.max(...waits),
        passed: Math.max(...waits) <= late,
      },
    ],
  };
}

interface Deployment {
  api: string;
  redis: Connection;
  store: Store;
  [Symbol.asyncDispose](): Promise<void>;
}

async function openDeployment({ targetSeconds, downAfterSeconds, maxWorkers }: Sizes): Promise<Deployment> {
  const paced = await PacedServer.start(TOKEN_MS);
  const server = await startRedis(["--appendfsync", "everysec"]);
  const redis = await connectRedis(server.url, "commands");
  const env = { REDIS_URL: server.url, HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "warn", LLAMERO_REUSE: "off" };
  const [api, dispatcher] = await Promise.all([startLlamero("api", env), startLlamero("dispatcher", env)]);
  const models = `${MODEL}=${paced.url}?model=paced&slots=${SLOTS}&does=completion`;
  const flags = ["--model", MODEL, "--max", maxWorkers, "--target", targetSeconds, "--down-after", downAfterSeconds];
  const scaler = spawn(process.execPath, ["apps/cli/src/main.ts", "autoscale", ...flags.map(String)], {
    cwd: ROOT,
    env: { ...process.env, ...env, LLAMERO_MODELS: models },
    // It ends with whoever has started it, however that ends.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return {
    api: api.ready.url ?? "",
    redis,
    store: createStore({ redis, prefix: "llamero" }),
    [Symbol.asyncDispose]: () => close({ scaler, processes: [api, dispatcher], redis, server, paced }),
  };
}

interface Opened {
  scaler: ChildProcess;
  processes: readonly LlameroProcess[];
  redis: Connection;
  server: TestRedis;
  paced: PacedServer;
}

async function close({ scaler, processes, redis, server, paced }: Opened): Promise<void> {
  if (scaler.exitCode === null) {
    const ended = once(scaler, "exit");
    scaler.kill("SIGTERM");
    await ended;
  }
  await Promise.all(processes.map((process) => process.kill()));
  redis.disconnect();
  await server.close();
  paced.close();
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

interface Sampling {
  arrived(): void;
  stop(): Promise<Sample[]>;
}

function sample(api: string, store: Store): Sampling {
  const samples: Sample[] = [];
  let arrived = 0;
  const take = async () => {
    const live = await store.liveWorkers();
    const response = await fetch(`${api}/v1/queues/${MODEL}/scale`);
    const scale = response.ok ? ((await response.json()) as { desired_workers: number }) : { desired_workers: 0 };
    const [queue] = response.ok ? await store.queues([MODEL]) : [];
    const serving = live.filter(({ slots }) => slots.some((each) => each.slots > 0)).length;
    samples.push({ workers: serving, desired: scale.desired_workers, waiting: queue?.counts.queued ?? 0, arrived });
    arrived = 0;
  };
  let taking = Promise.resolve();
  const timer = setInterval(() => {
    taking = taking.then(take);
    taking.catch(() => {});
  }, SAMPLE_MS);
  return {
    arrived: () => {
      arrived += 1;
    },
    stop: async () => {
      clearInterval(timer);
      await taking;
      return samples;
    },
  };
}

const drawRun = (samples: readonly Sample[], { targetSeconds }: Sizes) =>
  draw("scaling.svg", {
    title: `Workers that come and go with the load, so that no job waits longer than ${targetSeconds} s`,
    samples,
    stepSeconds: SAMPLE_MS / 1_000,
  });

interface Drawing {
  title: string;
  samples: readonly Sample[];
  stepSeconds: number;
}

async function draw(file: string, { title, samples, stepSeconds }: Drawing): Promise<void> {
  const of = (name: keyof Sample) => samples.map((each) => each[name]);
  const folder = join(ROOT, "docs/images");
  await mkdir(folder, { recursive: true });
  const svg = plot({
    title,
    stepSeconds,
    panels: [
      { title: "Jobs that come a second", series: [{ name: "", colour: "#486581", values: of("arrived") }] },
      { title: "Jobs that wait", series: [{ name: "", colour: "#b44d12", values: of("waiting") }] },
      {
        title: "Workers",
        series: [
          { name: "wanted", colour: "#9fb3c8", values: of("desired"), isStepped: true },
          { name: "taking jobs", colour: "#0f609b", values: of("workers"), isStepped: true },
        ],
      },
    ],
  });
  await writeFile(join(folder, file), svg);
}

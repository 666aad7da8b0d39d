import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { seededRandom } from "@llamero/testkit";
import { redisVersion } from "../prove/redis-stats.ts";
import type { Findings, ProofOptions } from "../prove/report.ts";
import { textOf } from "./check-job.ts";
import { leftovers } from "./check-keys.ts";
import { claimsOf, figuresOf } from "./claims.ts";
import { runClients } from "./clients.ts";
import { Conductor } from "./conductor.ts";
import { type Deployment, MODEL, openDeployment } from "./deployment.ts";
import { disturbances } from "./disturbances.ts";
import { type Body, generatingBodies, type PlannedJob, planJobs, subjectsOf } from "./job-plan.ts";
import { Ledger } from "./ledger.ts";
import { Progress } from "./progress.ts";
import { type Planned, planSchedule } from "./schedule.ts";
import { readStoredJobs } from "./stored-jobs.ts";
import { WorkerKiller } from "./worker-killer.ts";

/** `giveUpMs`: what has not ended by then counts as lost. */
const SIZES = {
  full: { jobs: 10_000, subjects: 24, killEveryMs: 2_000, giveUpMs: 1_200_000 },
  quick: { jobs: 300, subjects: 3, killEveryMs: 4_000, giveUpMs: 150_000 },
};
/** Longest that deliveries and carriers may take to settle when all is right again, in milliseconds. */
const SETTLE_MS = 120_000;
const LOOK_EVERY_MS = 200;
const SAY_EVERY_MS = 10_000;

/** Whatever is killed, stopped, cut off, filled up or put wrong: every accepted job ends once, as it was asked for, and is told. */
export async function proveChaos({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const size = isQuick ? SIZES.quick : SIZES.full;
  const subjects = subjectsOf(size.subjects);
  await using deployment = await openDeployment(seed);
  const bodies = generatingBodies(subjects);
  const answers = await undisturbed(deployment, bodies);
  log(`${answers.size} of ${bodies.length} bodies have been answered twice alike`);
  const before = await readStoredJobs(deployment);
  const schedule = planSchedule(seededRandom(seed), disturbances, ({ times }) => (isQuick ? times.quick : times.full));
  const run = await disturb(deployment, { size, seed, schedule, jobs: planJobs(seed, size.jobs, subjects), log });
  const stored = await readStoredJobs(deployment);
  for (const id of before.keys()) stored.delete(id);
  const left = await leftovers(deployment);
  const evidence = { ...run, jobs: size.jobs, deployment, stored, answers, leftovers: left, schedule, log };
  return {
    redisVersion: await redisVersion(deployment.admin),
    figures: figuresOf(evidence),
    claims: claimsOf(evidence),
    schedule: run.conductor.done,
  };
}

interface Run {
  size: (typeof SIZES)["full"];
  seed: number;
  schedule: readonly Planned[];
  jobs: readonly PlannedJob[];
  log: ProofOptions["log"];
}

/** Runs the jobs while everything goes wrong; resolves when all is right again and has settled. */
async function disturb(deployment: Deployment, { size, seed, schedule, jobs, log }: Run) {
  const ledger = new Ledger();
  const startedAt = performance.now();
  const progress = await Progress.open(deployment);
  const share = () => progress.ended / size.jobs;
  const conductor = new Conductor({ deployment, schedule, random: seededRandom(seed + 1), progress: share, log });
  const killer = new WorkerKiller(deployment, seededRandom(seed + 2), size.killEveryMs);
  const killing = new AbortController();
  const killed = Promise.all([killer.run(killing.signal), progress.run(killing.signal)]);
  // What goes wrong with it is told when it is waited for.
  killed.catch(() => {});
  const saying = setInterval(() => log(`${(share() * 100).toFixed(0)} % of the jobs have ended`), SAY_EVERY_MS);
  const over = AbortSignal.timeout(size.giveUpMs);
  try {
    await Promise.all([conductor.run(over), runClients({ deployment, jobs, ledger, progress, signal: over })]);
  } catch (error) {
    // Out of time, what there is by then is judged.
    if (!over.aborted) throw error;
    log("time is up");
  } finally {
    clearInterval(saying);
    killing.abort();
  }
  await killed;
  await settle(deployment, ledger);
  return { ledger, conductor, killer, seconds: (performance.now() - startedAt) / 1_000 };
}

/** The text of each body, where it is the same twice, in other company. */
async function undisturbed({ client }: Deployment, bodies: readonly Body[]): Promise<Map<string, string>> {
  const signal = AbortSignal.timeout(SETTLE_MS);
  const answer = async (body: Body): Promise<string | null> => {
    const { id } = await client.json<Job>("/v1/jobs", { method: "POST", body: { ...body, model: MODEL } }, signal);
    for (;;) {
      const job = await client.json<Job>(`/v1/jobs/${id}?wait=5`, {}, signal);
      if (job.finished_at !== null) return textOf(job);
    }
  };
  const first = await Promise.all(bodies.map(answer));
  const second = await Promise.all(bodies.toReversed().map(answer));
  return new Map(
    bodies.flatMap((body, index) => {
      const [text, again] = [first[index] ?? null, second[bodies.length - 1 - index]];
      return text !== null && text === again ? [[JSON.stringify(body), text] as [string, string]] : [];
    }),
  );
}

/** Resolves when every job has ended and been told, or when that takes too long. */
async function settle({ processes, admin, store, receivers }: Deployment, ledger: Ledger): Promise<void> {
  await Promise.race([Promise.all(processes.map(({ ready }) => ready)), pause(SETTLE_MS, null, { ref: false })]);
  for (const until = performance.now() + SETTLE_MS; performance.now() < until; await pause(LOOK_EVERY_MS)) {
    const { deliveries } = await store.webhooks.listDeliveries({ owner: "local", status: "pending", limit: 1 });
    // A delivery that was called from its line leaves the carrier behind that it had for the case that nobody called; it ends in its time.
    const outdated = await admin.zcard(`${store.keys.queues}:deliveries:delayed`);
    // Events that a killed dispatcher had read stay until another takes them over.
    const events = await admin.xlen(store.keys.outbox);
    if (receivers.endsHeard >= ledger.entries.length && deliveries.length + outdated + events === 0) break;
  }
  // The last carriers are acknowledged after what they carried.
  await pause(LOOK_EVERY_MS);
}

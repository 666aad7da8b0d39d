import { setTimeout as pass } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { isAlive, type LlameroProcess } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { Deployment, decoding, engineOf, logged, longJob, sentiment } from "./deployment.ts";

/** Which of the workers has the job. */
async function holder(deployment: Deployment, job: Job, workers: readonly LlameroProcess[]): Promise<LlameroProcess> {
  const { workerPid } = await deployment.stored(job.id);
  const worker = workers.find((candidate) => candidate.child.pid === workerPid);
  if (worker === undefined) throw new Error(`no worker has the process id ${workerPid}`);
  return worker;
}

test("another worker takes over within 5 s, every time a worker is killed, and what got further is never worn out", async () => {
  const kills = 3;
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, ...first] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("worker")]);
  const workers: LlameroProcess[] = first;
  const tookMs: number[] = [];
  const job = await api.submit(longJob);
  for (let kill = 1; kill <= kills; kill++) {
    await api.until(job.id, decoding(kill));
    const doomed = await holder(deployment, job, workers);
    await doomed.kill();
    const killedAt = performance.now();
    const replacement = deployment.start("worker");
    await api.until(job.id, (seen) => seen.attempts > kill);
    tookMs.push(performance.now() - killedAt);
    workers.push(await replacement);
  }
  expect(Math.max(...tookMs)).toBeLessThan(5_000);
  expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: kills + 1 });
});

test("a job that loses its worker ten times in a row before it makes a token fails as worker_lost", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const api = await deployment.startApi();
  let job: Job | null = null;
  for (let kill = 1; kill <= 3; kill++) {
    // As if it had happened so often before.
    if (kill === 3) await deployment.write(job?.id ?? "", { lost: 8 });
    const worker = await deployment.start("worker");
    const engine = await engineOf(worker);
    process.kill(engine, "SIGSTOP");
    job ??= await api.submit(longJob);
    await api.until(job.id, ({ attempts }) => attempts === kill);
    await worker.kill();
    process.kill(engine, "SIGKILL");
  }
  await deployment.start("worker");
  const failed = await api.ended(job?.id ?? "");
  expect(failed).toMatchObject({ status: "failed", attempts: 3, error: { code: "worker_lost" } });
  expect(failed.error?.message).toBe("The job lost its worker 10 times in a row without a new token.");
});

test("rolling restarts fail no job, however many", async () => {
  const restarts = 3;
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_STOP_SECONDS: "0.5" });
  const api = await deployment.startApi();
  let worker = await deployment.start("worker");
  const job = await api.submit(longJob);
  for (let restart = 1; restart <= restarts; restart++) {
    await api.until(job.id, (seen) => seen.attempts === restart);
    await worker.stop();
    expect((await api.call("GET", `/v1/jobs/${job.id}`)).body).toMatchObject({ status: "queued", error: null });
    worker = await deployment.start("worker");
  }
  expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: restarts + 1 });
});

test("a worker whose engine hangs hands its job back when it is told to stop, and takes the engine with it", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_STOP_SECONDS: "1" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const job = await api.submit(longJob);
  await api.until(job.id, decoding(1));
  const engine = await engineOf(worker);
  process.kill(engine, "SIGSTOP");
  await worker.stop();
  expect((await api.call("GET", `/v1/jobs/${job.id}`)).body).toMatchObject({ status: "queued", attempts: 1, error: null });
  await vi.waitFor(() => expect(isAlive(engine)).toBe(false), { timeout: 1_000, interval: 20 });
});

test.each(["alone", "with its engine"])(
  "a worker that slept %s while another went on with its job writes nothing into it, and goes on working",
  async (how) => {
    await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
    const [api, sleeper] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
    const job = await api.submit(longJob);
    await api.until(job.id, decoding(1));
    // An engine that does not sleep makes tokens all the time, which the worker finds when it wakes.
    const asleep = [sleeper.child.pid ?? 0, ...(how === "alone" ? [] : [await engineOf(sleeper)])];
    for (const pid of asleep) process.kill(pid, "SIGSTOP");
    const other = await deployment.start("worker");
    const ended = await api.ended(job.id);
    expect(ended).toMatchObject({ status: "succeeded", attempts: 2, usage: { completion_tokens: 900 } });
    expect(ended.resumed_from).toBeGreaterThan(0);
    const { everything: before } = await deployment.stored(job.id);
    await other.kill();
    for (const pid of asleep) process.kill(pid, "SIGCONT");
    await logged(sleeper, { job_id: job.id, msg: "job was taken over; nothing more is written" });
    const next = await api.submit(sentiment);
    expect(await api.ended(next.id)).toMatchObject({ status: "succeeded", attempts: 1 });
    await logged(sleeper, { job_id: next.id, msg: "job succeeded" });
    expect((await deployment.stored(job.id)).everything).toEqual(before);
  },
);

/** Longer than locks last, in milliseconds. */
const HANGS_MS = 4_000;

async function hang({ redis }: Deployment): Promise<void> {
  redis.process.kill("SIGSTOP");
  await pass(HANGS_MS);
  redis.process.kill("SIGCONT");
}

test("jobs whose locks ran out go on where they run when no other worker has taken them", async () => {
  const slots = 8;
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: String(slots) });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const jobs = await Promise.all(Array.from({ length: slots }, () => api.submit(longJob)));
  for (const job of jobs) await api.until(job.id, decoding(1));
  await hang(deployment);
  for (const job of jobs) expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(await api.ended((await api.submit(sentiment)).id)).toMatchObject({ status: "succeeded", attempts: 1 });
});

test("a Redis that hangs for longer than the locks last stops nothing: every job ends once", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("worker")]);
  const jobs = await Promise.all(Array.from({ length: 4 }, () => api.submit(longJob)));
  await api.until(jobs[0]?.id ?? "", decoding(1));
  await hang(deployment);
  for (const job of jobs) expect(await api.ended(job.id)).toMatchObject({ status: "succeeded" });
  for (const job of jobs) {
    const { outbox } = (await deployment.stored(job.id)).everything as { outbox: [string, string[]][] };
    expect(outbox.filter(([, fields]) => fields.includes("job.succeeded"))).toHaveLength(1);
  }
  expect(await api.ended((await api.submit(sentiment)).id)).toMatchObject({ status: "succeeded", attempts: 1 });
});

test("a worker does not start without Redis, and starts through a restart of it", async () => {
  await using deployment = await Deployment.open();
  await deployment.redis.kill();
  await expect(deployment.start("worker")).rejects.toThrow("does not answer");
  await deployment.redis.restart();
  const starting = deployment.start("worker");
  await deployment.connections(3);
  await deployment.redis.restart();
  await starting;
  const api = await deployment.startApi();
  expect(await api.ended((await api.submit(sentiment)).id)).toMatchObject({ status: "succeeded" });
});

import type { Job } from "@llamero/core";
import type { LlameroProcess } from "@llamero/testkit";
import { expect, test } from "vitest";
import { Deployment, decoding, engineOf, logged, longJob } from "./deployment.ts";
import { follow } from "./follow-events.ts";
import { expectOneText } from "./one-text.ts";

test("a client that follows a job while its workers are killed reads one text, the job's", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, ...first] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("worker")]);
  const workers: LlameroProcess[] = first;
  const { id } = await api.submit(longJob);
  const following = follow(`${api.process.ready.url}/v1/jobs/${id}/events`);
  const starts = [0];
  for (let kill = 1; kill <= 2; kill++) {
    await api.until(id, decoding(kill));
    const { workerPid } = await deployment.stored(id);
    await workers.find((worker) => worker.child.pid === workerPid)?.kill();
    workers.push(await deployment.start("worker"));
    const resumed = await api.until(id, (job) => job.attempts > kill);
    starts.push(resumed.resumed_from ?? 0);
  }
  const job = await api.ended(id);
  expect(job.attempts).toBe(3);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(new Set(starts).size).toBe(3);
  expect(job.resumed_from).toBe(starts[2]);
  expect(job.timings?.first_token_ms).toBeLessThan(job.timings?.queue_ms ?? 0);
  await expectOneText(deployment, job, await following);
});

test("a worker that is told to stop hands its job back with its tokens, and the next one goes on behind them", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_STOP_SECONDS: "0.5" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const { id } = await api.submit(longJob);
  const following = follow(`${api.process.ready.url}/v1/jobs/${id}/events`);
  await api.until(id, decoding(1));
  expect(await worker.stop()).toBe(0);
  const waiting = (await api.call("GET", `/v1/jobs/${id}`)).body as Job;
  expect(waiting).toMatchObject({ status: "queued", attempts: 1, resumed_from: null });
  expect(waiting.progress.completion_tokens).toBeGreaterThan(0);
  await deployment.start("worker");
  const job = await api.ended(id);
  expect(job).toMatchObject({ attempts: 2, resumed_from: waiting.progress.completion_tokens });
  await expectOneText(deployment, job, await following);
});

test("a worker that wakes while another goes on with its job writes nothing in between", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, sleeper] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const { id } = await api.submit(longJob);
  const following = follow(`${api.process.ready.url}/v1/jobs/${id}/events`);
  await api.until(id, decoding(1));
  const asleep = [sleeper.child.pid ?? 0, await engineOf(sleeper)];
  for (const pid of asleep) process.kill(pid, "SIGSTOP");
  await deployment.start("worker");
  await api.until(id, (job) => job.attempts === 2);
  for (const pid of asleep) process.kill(pid, "SIGCONT");
  await logged(sleeper, { job_id: id, msg: "job was taken over; nothing more is written" });
  const job = await api.ended(id);
  expect(job.attempts).toBe(2);
  await expectOneText(deployment, job, await following);
});

test("a job that is cancelled while it waits to be resumed keeps its text", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_STOP_SECONDS: "0.5" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const { id } = await api.submit(longJob);
  await api.until(id, decoding(1));
  await worker.stop();
  const following = follow(`${api.process.ready.url}/v1/jobs/${id}/events`);
  expect((await api.call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(200);
  const { follower } = await following;
  expect(follower.text).not.toBe("");
  expect(await api.ended(id)).toMatchObject({ status: "cancelled", output: { text: follower.text, finish_reason: "cancelled" } });
});

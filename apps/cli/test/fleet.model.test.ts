import type { Job } from "@llamero/core";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, longJob, sentiment } from "./deployment.ts";

const finished = (process: { log: readonly Record<string, unknown>[] }) =>
  process.log.filter((entry) => entry["msg"] === "job succeeded").length;

test("two API processes and two workers share the work, and outlive an API process", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [one, two, first, second] = await Promise.all([
    deployment.startApi(),
    deployment.startApi(),
    deployment.start("worker"),
    deployment.start("worker"),
  ]);
  const jobs = await Promise.all(
    Array.from({ length: 16 }, () => one.submit({ ...longJob, params: { ...longJob.params, max_tokens: 200 } })),
  );
  const results = await Promise.all(jobs.map((job) => two.ended(job.id)));
  expect(results.map((job) => job.status)).toEqual(jobs.map(() => "succeeded"));
  // A worker logs a job after its record says so, and the line takes a moment from process to process.
  await vi.waitFor(() => expect(finished(first) + finished(second)).toBe(16), { timeout: 20_000, interval: 5 });
  expect(finished(first)).toBeGreaterThan(0);
  expect(finished(second)).toBeGreaterThan(0);

  const waiting = await one.submit(sentiment);
  await one.process.kill();
  expect(await two.ended(waiting.id)).toMatchObject({ status: "succeeded", output: { text: "positive" } });
  expect(await two.ended((await two.submit(sentiment)).id)).toMatchObject({ status: "succeeded" });

  expect(await first.stop()).toBe(0);
  expect(await second.stop()).toBe(0);
  await jobsWaitForAWorker(deployment, two);
  expect(await two.process.stop()).toBe(0);
});

/** With every worker gone, a job waits in its queue and runs when one starts. */
async function jobsWaitForAWorker(deployment: Deployment, api: Client): Promise<void> {
  const waiting = await api.submit(sentiment);
  expect(await api.call("GET", `/v1/jobs/${waiting.id}?wait=1`)).toMatchObject({
    status: 200,
    body: { status: "queued", position: 1 },
  });
  expect(await api.call("GET", "/v1/models")).toMatchObject({ body: { data: [{ id: "tiny", workers: 0 }] } });
  const worker = await deployment.start("worker");
  expect(await api.ended(waiting.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  await worker.stop();
}

test("a running job is cancelled from another replica and keeps its text", async () => {
  await using deployment = await Deployment.open();
  const [one, two] = await Promise.all([deployment.startApi(), deployment.startApi(), deployment.start("worker")]);
  const job = await one.submit(longJob);
  await one.until(job.id, (seen) => seen.progress.completion_tokens > 0 || seen.finished_at !== null);
  const started = performance.now();
  const cancelled = (await two.call("POST", `/v1/jobs/${job.id}/cancel`)).body as Job;
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(cancelled).toMatchObject({ status: "cancelled", output: { finish_reason: "cancelled" } });
  expect(cancelled.usage?.completion_tokens).toBeGreaterThan(0);
  expect(cancelled.output).toHaveProperty("text", expect.stringMatching(/\w/));
});

test("a job whose worker is killed runs again on another one", async () => {
  await using deployment = await Deployment.open();
  const [api, doomed] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const job = await api.submit(longJob);
  await api.until(job.id, (seen) => seen.status === "running");
  const survivors = deployment.start("worker");
  await doomed.kill();
  await survivors;
  expect(await api.ended(job.id)).toMatchObject({ status: "succeeded" });
});

test("a stopping worker hands an unfinished job back", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api, leaving] = await Promise.all([deployment.startApi(), deployment.start("worker", { LLAMERO_STOP_SECONDS: "0.5" })]);
  const jobs = await Promise.all(Array.from({ length: 6 }, () => api.submit(longJob)));
  await api.until(jobs[0]?.id ?? "", (seen) => seen.status === "running");
  expect(await leaving.stop()).toBe(0);
  const left = await Promise.all(jobs.map(async (job) => (await api.call("GET", `/v1/jobs/${job.id}`)).body as Job));
  expect(left.filter((job) => job.status === "running")).toEqual([]);
  expect(left.filter((job) => job.status === "queued").length).toBeGreaterThan(0);
});

test("delays, start times and deadlines hold", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const delayed = await api.submit({ ...sentiment, delay_ms: 700 });
  expect(delayed.status).toBe("scheduled");
  const done = await api.ended(delayed.id);
  expect(done.status).toBe("succeeded");
  expect(Date.parse(done.started_at ?? "") - Date.parse(done.created_at)).toBeGreaterThanOrEqual(700);

  const blocker = await api.submit(longJob);
  const late = await api.submit({ ...longJob, deadline_ms: 150 });
  expect(await api.ended(late.id)).toMatchObject({ status: "expired", error: { code: "deadline_exceeded" } });
  await api.ended(blocker.id);
  const cut = await api.submit({ ...longJob, deadline_ms: 400 });
  const ended = await api.ended(cut.id);
  expect(ended).toMatchObject({ status: "expired", output: { finish_reason: "deadline" } });
});

import type { Job } from "@llamero/core";
import { expect, test } from "vitest";
import { type Client, Deployment, decoding, engineOf, hasNewTokens, longJob, sentiment } from "./deployment.ts";

/** The jobs that are in an engine. One that waits to have it alone counts as running too. */
async function inEngine(api: Client): Promise<string[]> {
  const { body } = await api.call("GET", "/v1/jobs?status=running&limit=100");
  return (body as { data: Job[] }).data.filter(hasNewTokens).map((job) => job.id);
}

test("the jobs of an engine that crashes go back at once and run again within a second of the new one's start", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const jobs = await Promise.all([api.submit(longJob), api.submit(longJob)]);
  for (const job of jobs) await api.until(job.id, decoding(1));
  process.kill(await engineOf(worker), "SIGSEGV");
  const killedAt = performance.now();
  for (const job of jobs) await api.until(job.id, (seen) => seen.status === "queued");
  expect(performance.now() - killedAt).toBeLessThan(1_000);
  await engineOf(worker, 2);
  const upAt = performance.now();
  for (const job of jobs) await api.until(job.id, (seen) => seen.attempts === 2);
  expect(performance.now() - upAt).toBeLessThan(1_000);
  for (const job of jobs) expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 2, error: null });
});

test("a job that ends its engine twice runs alone, and fails when it does it again; every other job succeeds", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "3" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const poison = await api.submit(longJob);
  const others = await Promise.all(Array.from({ length: 6 }, () => api.submit(longJob)));
  for (const attempt of [1, 2]) {
    await api.until(poison.id, decoding(attempt));
    process.kill(await engineOf(worker, attempt), "SIGSEGV");
  }
  await api.until(poison.id, decoding(3));
  expect(await inEngine(api)).toEqual([poison.id]);
  process.kill(await engineOf(worker, 3), "SIGSEGV");

  const failed = await api.ended(poison.id);
  expect(failed).toMatchObject({ status: "failed", attempts: 3, error: { code: "engine_crashed" } });
  expect(failed.error?.message).toContain("this time the job ran alone");
  const rest = await Promise.all(others.map((job) => api.ended(job.id)));
  expect(rest.map((job) => job.status)).toEqual(others.map(() => "succeeded"));
  expect(await api.ended((await api.submit(sentiment)).id)).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(await worker.stop()).toBe(0);
});

test("an engine that is stopped is noticed, killed and replaced; its job ends on the new one", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1", LLAMERO_ENGINE_SILENT_SECONDS: "2" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const job = await api.submit(longJob);
  await api.until(job.id, decoding(1));
  process.kill(await engineOf(worker), "SIGSTOP");
  const stoppedAt = performance.now();
  await api.until(job.id, (seen) => seen.status === "queued");
  // The limit, and a quarter of it between two looks.
  expect(performance.now() - stoppedAt).toBeLessThan(3_000);
  expect(await api.ended(job.id)).toMatchObject({ status: "succeeded", attempts: 2 });
  expect(worker.log.some((entry) => JSON.stringify(entry).includes("said nothing for 2 s"))).toBe(true);
});

test("a worker that is told to stop while it has no engine hands back what it holds and exits", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api, worker] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const job = await api.submit(longJob);
  await api.until(job.id, decoding(1));
  process.kill(await engineOf(worker), "SIGKILL");
  await api.until(job.id, (seen) => seen.status === "queued");
  expect(await worker.stop()).toBe(0);
  expect((await api.call("GET", `/v1/jobs/${job.id}`)).body).toMatchObject({ status: "queued", error: null });
});

import type { Job } from "@llamero/core";
import { startRedisCluster, WebhookReceiver } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, decoding, longJob, sentiment } from "./deployment.ts";
import { follow } from "./follow-events.ts";

const env = {
  LLAMERO_SLOTS: "2",
  LLAMERO_REDIS_WAIT_REPLICAS: "1",
  LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
  LLAMERO_WEBHOOK_HTTP: "true",
  LLAMERO_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
};
/** More than there are slots: some run and some wait. */
const JOBS = 3;
const TOKENS = 400;
const job = { ...longJob, params: { ...longJob.params, max_tokens: TOKENS } };
/** The masters find out, the replica takes over, and the old master comes back as a replica, in milliseconds. */
const RECOVERY = { timeout: 60_000, interval: 50 };

/** The job when it has ended, through a Redis that is away for a while. */
function endedAtLast(api: Client, id: string): Promise<Job> {
  return vi.waitFor(async () => {
    const { status, body } = await api.call("GET", `/v1/jobs/${id}?wait=60`);
    expect(status).toBe(200);
    expect((body as Job).finished_at).not.toBeNull();
    return body as Job;
  }, RECOVERY);
}

const tells = (id: string) => (webhook: { body: string }) => {
  const { type, data } = JSON.parse(webhook.body) as { type: string; data: Job };
  return type === "job.succeeded" && data.id === id;
};

interface World {
  api: Client;
  url: string;
  receiver: WebhookReceiver;
}

/** Every job that was accepted ends once, is followed and told, whatever is done to the cluster meanwhile. */
async function jobsGoOn({ api, url, receiver }: World, disturb: () => Promise<unknown>): Promise<void> {
  const jobs: Job[] = [];
  for (let i = 0; i < JOBS; i++) jobs.push(await api.submit({ ...job, webhook: { url: receiver.url } }));
  const soon = new Date(Date.now() + 1_000).toISOString();
  const scheduled = await api.submit({ ...sentiment, run_at: soon, webhook: { url: receiver.url } });
  const [running = expect.fail("nothing was submitted")] = jobs;
  const following = follow(`${url}/v1/jobs/${running.id}/events`);
  await api.until(running.id, decoding(1));

  await disturb();

  for (const { id } of jobs)
    expect(await endedAtLast(api, id)).toMatchObject({ status: "succeeded", usage: { completion_tokens: TOKENS } });
  expect(await endedAtLast(api, scheduled.id)).toMatchObject({ status: "succeeded" });
  for (const { id } of [...jobs, scheduled]) await receiver.until(tells(id));
  const { follower } = await following;
  expect(await endedAtLast(api, running.id)).toEqual(follower.job);
  expect(follower.job?.output).toMatchObject({ text: follower.text });
}

test("jobs of a deployment on a cluster go on when the master that has them steps back, is killed, or gives them away", async () => {
  await using receiver = await WebhookReceiver.start();
  const cluster = await startRedisCluster();
  await using deployment = Deployment.onFleet(cluster, env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const world = { api, url: api.process.ready.url ?? "", receiver };

  await jobsGoOn(world, cluster.failOver);
  await jobsGoOn(world, () => cluster.replica.kill());
  // With the master that is left there is no replica that could confirm a job, until the other one is back.
  await cluster.replica.restart();
  const next = await vi.waitFor(() => api.submit(sentiment), RECOVERY);
  expect(await endedAtLast(api, next.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  await jobsGoOn(world, cluster.migrate);
}, 120_000);

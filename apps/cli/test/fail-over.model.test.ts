import type { Job } from "@llamero/core";
import { type RedisFleet, startRedisFleet, type TestRedis, WebhookReceiver } from "@llamero/testkit";
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
const JOBS = 6;
/** A Sentinel finds out, they agree, a replica takes over, and the old primary comes back as a replica, in milliseconds. */
const RECOVERY = { timeout: 60_000, interval: 50 };

const losses: Record<string, { lose: (primary: TestRedis) => Promise<void>; bringBack: (primary: TestRedis) => Promise<void> }> =
  {
    "is killed": { lose: (primary) => primary.kill(), bringBack: (primary) => primary.restart() },
    // It closes no connection, as a machine that has lost its power does not.
    hangs: {
      lose: async (primary) => void primary.process.kill("SIGSTOP"),
      bringBack: async (primary) => void primary.process.kill("SIGCONT"),
    },
  };

/** Asks until it is refused, and gives the refusal. */
async function refusal(url: string): Promise<{ retryAfter: string | null; body: unknown }> {
  return vi.waitFor(async () => {
    const response = await fetch(`${url}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(sentiment),
    });
    expect(response.status).toBe(503);
    return { retryAfter: response.headers.get("retry-after"), body: await response.json() };
  }, RECOVERY);
}

/** The job when it has ended, through a Redis that is away for a while. */
function endedAtLast(api: Client, id: string): Promise<Job> {
  return vi.waitFor(async () => {
    const { status, body } = await api.call("GET", `/v1/jobs/${id}?wait=60`);
    expect(status).toBe(200);
    expect((body as Job).finished_at).not.toBeNull();
    return body as Job;
  }, RECOVERY);
}

const endsOf = (receiver: WebhookReceiver, id: string) =>
  receiver.received.filter(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: Job };
    return type === "job.succeeded" && data.id === id;
  });

/** Ends every process of a fleet that a test leaves in whatever state. */
async function closeFleet(fleet: RedisFleet): Promise<void> {
  fleet.primary.process.kill("SIGCONT");
  await fleet.close();
}

test.each(Object.entries(losses))(
  "the primary %s while jobs run and wait: each ends once, its client and its webhook hear of it, and the API recovers by itself",
  async (_name, { lose, bringBack }) => {
    await using receiver = await WebhookReceiver.start();
    const fleet = await startRedisFleet({ sentinels: 3 });
    await using deployment = Deployment.onFleet({ ...fleet, close: () => closeFleet(fleet) }, env);
    const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
    const url = api.process.ready.url ?? "";
    const jobs: Job[] = [];
    for (let i = 0; i < JOBS; i++) jobs.push(await api.submit({ ...longJob, webhook: { url: receiver.url } }));
    const [running = expect.fail("nothing was submitted")] = jobs;
    const following = follow(`${url}/v1/jobs/${running.id}/events`);
    await api.until(running.id, decoding(1));

    await lose(fleet.primary);
    const { retryAfter, body } = await refusal(url);
    expect(Number(retryAfter)).toBeGreaterThan(0);
    expect(body).toMatchObject({ error: { code: "redis_unavailable", message: expect.any(String) } });

    for (const { id } of jobs) {
      expect(await endedAtLast(api, id)).toMatchObject({ status: "succeeded", usage: { completion_tokens: 900 } });
      await receiver.until((webhook) => endsOf(receiver, id).includes(webhook));
      expect(new Set(endsOf(receiver, id).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    }
    const { follower } = await following;
    const followed = await endedAtLast(api, running.id);
    expect(follower.job).toEqual(followed);
    expect(followed.output).toMatchObject({ text: follower.text });

    // With the replica that has become the primary there is none that could confirm a job, until the old primary is one.
    await bringBack(fleet.primary);
    const next = await vi.waitFor(() => api.submit(sentiment), RECOVERY);
    expect(await endedAtLast(api, next.id)).toMatchObject({ status: "succeeded", attempts: 1 });
  },
  180_000,
);

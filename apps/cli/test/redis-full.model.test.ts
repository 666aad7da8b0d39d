import { setTimeout as pass } from "node:timers/promises";
import type { Job } from "@llamero/core";
import { connectRedis } from "@llamero/store";
import { WebhookReceiver } from "@llamero/testkit";
import { expect, test } from "vitest";
import { Deployment, decoding, longJob, sentiment } from "./deployment.ts";

const env = {
  LLAMERO_SLOTS: "2",
  LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
  LLAMERO_WEBHOOK_HTTP: "true",
  LLAMERO_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 6).toString("base64")}`,
};
/** Longer than locks last and than the generations take, in milliseconds. */
const FULL_MS = 6_000;

test("a Redis that is full refuses writes: no job is taken or lost, and what was generated is stored when there is room", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const admin = await connectRedis(deployment.redis.url, "commands");
  try {
    const old = await api.submit(sentiment);
    await api.ended(old.id);
    const jobs: Job[] = [];
    for (let i = 0; i < 4; i++) jobs.push(await api.submit({ ...longJob, webhook: { url: receiver.url } }));
    const [first, second] = jobs as [Job, Job];
    for (const { id } of [first, second]) await api.until(id, decoding(1));
    await admin.config("SET", "maxmemory", "1");

    const response = await fetch(`${api.process.ready.url}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(sentiment),
    });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({
      error: { code: "redis_memory_full", message: expect.stringMatching(/memory/) },
    });
    expect(await api.call("GET", `/v1/jobs/${first.id}`)).toMatchObject({ status: 200, body: { status: "running" } });
    expect((await api.call("GET", "/readyz")).status).toBe(200);
    // What gives memory back is done.
    expect((await api.call("DELETE", `/v1/jobs/${old.id}`)).status).toBe(200);
    await pass(FULL_MS);
    expect(await api.call("GET", `/v1/jobs/${first.id}`)).toMatchObject({ body: { status: "running", attempts: 1 } });

    await admin.config("SET", "maxmemory", "0");
    for (const { id } of jobs) {
      const job = await api.ended(id);
      expect(job).toMatchObject({ status: "succeeded", attempts: 1, resumed_from: null, usage: { completion_tokens: 900 } });
      await receiver.until(({ body }) => (JSON.parse(body) as { data: Job }).data.id === id);
    }
    expect(await api.ended((await api.submit(sentiment)).id)).toMatchObject({ status: "succeeded" });
  } finally {
    admin.disconnect();
  }
});

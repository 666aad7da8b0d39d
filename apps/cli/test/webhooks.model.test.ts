import type { Delivery, Job, WebhookEndpointWithSecret } from "@llamero/core";
import { type ReceivedWebhook, WebhookReceiver } from "@llamero/testkit";
import { Webhook } from "standardwebhooks";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, longJob, sentiment } from "./deployment.ts";

const secret = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString("base64")}`;
const env = { LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32", LLAMERO_WEBHOOK_HTTP: "true", LLAMERO_SLOTS: "1" };

interface Event {
  type: string;
  timestamp: string;
  data: Job;
}

/** The event, once the public library has verified it. */
const verified = (webhook: ReceivedWebhook, by: string) => new Webhook(by).verify(webhook.body, webhook.headers) as Event;
const eventOf = ({ body }: ReceivedWebhook) => JSON.parse(body) as Event;
const tells =
  (path: string, type: string, jobId?: string) =>
  (webhook: ReceivedWebhook): boolean =>
    webhook.path === path && eventOf(webhook).type === type && (jobId === undefined || eventOf(webhook).data.id === jobId);

async function register(api: Client, body: object): Promise<WebhookEndpointWithSecret> {
  const answer = await api.call("POST", "/v1/webhook-endpoints", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as WebhookEndpointWithSecret;
}

test("a job's own webhook and its owner's endpoint are both told, each in its way, and each verifies", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open({ ...env, LLAMERO_WEBHOOK_SECRET: secret(9), LOG_LEVEL: "trace" });
  const [api, ...others] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const endpoint = await register(api, { url: `${receiver.url}/endpoint`, payload: "thin", events: ["job.succeeded"] });
  const { id } = await api.submit({ ...sentiment, webhook: { url: `${receiver.url}/own`, secret: secret(1) } });
  const other = await api.submit({ ...sentiment, webhook: { url: `${receiver.url}/other` } });
  const [own, told, signed] = await Promise.all([
    receiver.until(tells("/own", "job.succeeded")),
    receiver.until(tells("/endpoint", "job.succeeded", id)),
    receiver.until(tells("/other", "job.succeeded")),
  ]);

  const job = await api.ended(id);
  const full = verified(own, secret(1));
  expect(full).toEqual({ type: "job.succeeded", timestamp: expect.any(String), data: job });
  expect(Date.parse(full.timestamp) - Date.parse(job.finished_at ?? "")).toBeLessThan(1_000);
  expect(own.headers).toMatchObject({ "content-type": "application/json", "user-agent": expect.stringMatching(/^Llamero\//) });
  expect(verified(told, endpoint.secret)).toMatchObject({ type: "job.succeeded", data: { id, status: "succeeded" } });
  expect(eventOf(told).data).toEqual({ id, status: "succeeded" });
  expect(verified(signed, secret(9)).data.id).toBe(other.id);
  for (const [webhook, by] of [
    [own, endpoint.secret],
    [told, secret(9)],
    [signed, secret(1)],
  ] as const)
    expect(() => verified(webhook, by)).toThrow("No matching signature");
  expect(own.headers["webhook-id"]).toBe(told.headers["webhook-id"]);
  expect(own.headers["webhook-id"]).not.toBe(signed.headers["webhook-id"]);

  const read = () => JSON.stringify([api.process, ...others].map(({ log }) => log));
  // The line comes on its own way, after the attempt that it tells of.
  await vi.waitFor(() => expect(read()).toContain("webhook attempt"), { timeout: 5_000 });
  const logs = read();
  for (const hidden of [secret(1), secret(9), endpoint.secret]) expect(logs).not.toContain(hidden.slice("whsec_".length));
});

test("events verify before, during and after a rotation, and a test event too", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const { id, secret: first } = await register(api, { url: `${receiver.url}/endpoint` });
  const next = async () => {
    const job = await api.submit(sentiment);
    return receiver.until(tells("/endpoint", "job.succeeded", job.id));
  };
  const rotate = async (body: object) =>
    ((await api.call("POST", `/v1/webhook-endpoints/${id}/rotate`, body)).body as WebhookEndpointWithSecret).secret;

  const before = await next();
  const second = await rotate({ previous_valid_seconds: 3_600 });
  const during = await next();
  const third = await rotate({ secret: secret(3), previous_valid_seconds: 0 });
  const after = await next();
  verified(before, first);
  verified(during, first);
  verified(during, second);
  verified(after, third);
  expect(during.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  for (const old of [first, second]) expect(() => verified(after, old)).toThrow("No matching signature");

  const sent = (await api.call("POST", `/v1/webhook-endpoints/${id}/test`)).body as Delivery;
  const test = await receiver.until(tells("/endpoint", "webhook.test"));
  expect(verified(test, third)).toEqual({ type: "webhook.test", timestamp: expect.any(String), data: { endpoint_id: id } });
  expect(test.headers["webhook-id"]).toBe(sent.event_id);
});

test("starts are told to who asks; failed, cancelled and expired jobs to everyone", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open(env);
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  const all = ["job.started", "job.succeeded", "job.failed", "job.cancelled", "job.expired"];
  const [curious, plain] = [
    await register(api, { url: `${receiver.url}/curious`, events: all }),
    await register(api, { url: `${receiver.url}/plain` }),
  ];
  const running = await api.submit(longJob);
  const started = await receiver.until(tells("/curious", "job.started", running.id));
  expect(verified(started, curious.secret).data).toMatchObject({ id: running.id });
  const expiring = await api.submit({ ...sentiment, deadline_ms: 1 });
  await api.call("POST", `/v1/jobs/${running.id}/cancel`);
  // Each letter is a token: the API's bound lets it pass, the worker's count does not.
  const failing = await api.submit({ prompt: "q~".repeat(2_000) });
  for (const [job, type] of [
    [running, "job.cancelled"],
    [failing, "job.failed"],
    [expiring, "job.expired"],
  ] as const)
    for (const [path, by] of [
      ["/curious", curious.secret],
      ["/plain", plain.secret],
    ] as const) {
      const event = verified(await receiver.until(tells(path, type, job.id)), by);
      expect(event.data.status).toBe(type.replace("job.", ""));
    }
  expect(verified(await receiver.until(tells("/plain", "job.failed")), plain.secret).data.error?.code).toBe(
    "context_length_exceeded",
  );
  expect(receiver.received.filter(tells("/plain", "job.started"))).toEqual([]);
});

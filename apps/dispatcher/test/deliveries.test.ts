import type { Delivery } from "@llamero/core";
import { WebhookSecret } from "@llamero/webhooks";
import { Webhook } from "standardwebhooks";
import { expect, test, vi } from "vitest";
import { deploymentSecret, hook, OWNER, openWorld } from "./harness.ts";
import { type ReceivedEvent, Receiver } from "./receiver.ts";

const verifies = (secret: string, { body, headers }: ReceivedEvent) => {
  try {
    return new Webhook(secret).verify(body, headers) !== undefined;
  } catch {
    return false;
  }
};

test("a job's own URL is told how the job ended, signed, and the log says so", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.dispatch();
  const jobId = await world.finishJob(hook(receiver.url));
  const [event] = await receiver.received(1);
  if (event === undefined) throw new Error("received above");
  expect(event.event).toMatchObject({ type: "job.cancelled", data: { id: jobId, status: "cancelled", object: "job" } });
  expect(verifies(deploymentSecret, event)).toBe(true);

  const [delivery] = await world.until(([first]) => first?.status === "delivered");
  expect(delivery).toMatchObject({ event_id: event.id, event: "job.cancelled", job_id: jobId, endpoint_id: null });
  expect(delivery).toMatchObject({ url: receiver.url, next_attempt_at: null });
  expect(delivery?.attempts).toMatchObject([{ number: 1, status: 200, error: null, response_head: "noted" }]);
  expect(await world.redis.zcard(world.store.keys.deliveriesDue)).toBe(0);
});

test("a thin event has the job's id and status, signed with the job's own secret", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.dispatch();
  const secret = WebhookSecret.generate().reveal();
  const jobId = await world.finishJob(hook(receiver.url, { secret, payload: "thin" }));
  const [event] = await receiver.received(1);
  expect(event?.event.data).toEqual({ id: jobId, status: "cancelled" });
  expect(event && [verifies(secret, event), verifies(deploymentSecret, event)]).toEqual([true, false]);
  expect(event?.body).not.toContain(secret);
});

test("an output that is too large for an event stays behind: the event says where it is", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.dispatch();
  const text = "é".repeat(150_000);
  const jobId = await world.succeedJob(text, hook(receiver.url, { events: ["job.succeeded"] }));
  const [event] = await receiver.received(1);
  const omitted = { fields: ["output"], url: `/v1/jobs/${jobId}` };
  expect(event?.event).toMatchObject({ type: "job.succeeded", data: { id: jobId, status: "succeeded", output: null, omitted } });
  expect(Buffer.byteLength(event?.body ?? "")).toBeLessThan(5_000);
  expect(event && verifies(deploymentSecret, event)).toBe(true);
  expect((await world.store.getJob({ id: jobId, owner: OWNER }))?.output).toMatchObject({ text });
});

test("job and endpoint are told of the events that they ask for, and of no others", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  const to = (path: string) => receiver.url.replace("/hook", path);
  await world.endpoint(to("/starts"), { events: ["job.started"] });
  await world.endpoint(to("/failures"), { events: ["job.failed"] });
  await world.dispatch();
  const cancelled = await world.finishJob(hook(to("/unwanted"), { events: ["job.succeeded", "job.started"] }));
  const succeeded = await world.succeedJob("a", hook(to("/both"), { events: ["job.succeeded", "job.started"] }));
  await receiver.received(3);
  const all = await world.until((deliveries) => deliveries.every(({ status }) => status === "delivered"));
  expect(receiver.events.map(({ path, event }) => [path, event.type]).sort()).toEqual([
    ["/both", "job.started"],
    ["/both", "job.succeeded"],
    ["/starts", "job.started"],
  ]);
  expect(all.map(({ job_id }) => job_id)).toEqual([succeeded, succeeded, succeeded]);
  expect((await world.store.getJob({ id: cancelled, owner: OWNER }))?.status).toBe("cancelled");
});

test("a receiver that fails gets the event again under the same id, with a signature of its own each time", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start((_event, nth) => (nth < 3 ? 500 : 204));
  await world.dispatch();
  await world.finishJob(hook(receiver.url));
  const events = await receiver.received(3);
  expect(new Set(events.map(({ id }) => id)).size).toBe(1);
  expect(new Set(events.map(({ body }) => body)).size).toBe(1);
  expect(events.every((event) => verifies(deploymentSecret, event))).toBe(true);
  const [delivery] = await world.until(([first]) => first?.status === "delivered");
  expect(delivery?.attempts.map(({ number, status }) => [number, status])).toEqual([
    [1, 500],
    [2, 500],
    [3, 204],
  ]);
});

test("when the schedule is through the delivery is dead, until it is redelivered: under the same id, in the same log", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(() => 503);
  await world.dispatch({
    plan: ({ attempt, outcome }) => {
      if (outcome === "delivered") return { next: "none" };
      return attempt < 3 ? { next: "retry", delayMs: 1 } : { next: "dead" };
    },
  });
  await world.finishJob(hook(receiver.url));
  const [dead] = await world.until(([first]) => first?.status === "dead");
  expect(dead).toMatchObject({ next_attempt_at: null, attempts: [{ number: 1 }, { number: 2 }, { number: 3 }] });
  expect(await world.store.webhooks.redeliverFailed({ owner: OWNER, sinceMs: 0, limit: 10 })).toMatchObject({ scheduled: 1 });
  await world.until(([first]) => first?.status === "dead" && first.attempts.length === 6);
  receiver.behave = () => 200;
  expect(await world.store.webhooks.redeliver({ owner: OWNER, id: dead?.id ?? "" })).toBe("scheduled");
  const [delivered] = await world.until(([first]) => first?.status === "delivered");
  expect(delivered?.attempts).toHaveLength(7);
  expect(new Set(receiver.events.map(({ id }) => id))).toEqual(new Set([dead?.event_id]));
});

test("Retry-After puts the next attempt off beyond the schedule", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(() => ({ status: 429, headers: { "retry-after": "1800" } }));
  await world.dispatch();
  await world.finishJob(hook(receiver.url));
  const [delivery] = await world.until(([first]) => first?.attempts.length === 1);
  // A thousand times faster: 1.8 s and up to a fifth more.
  const waitMs = Date.parse(delivery?.next_attempt_at ?? "") - Date.parse(delivery?.attempts[0]?.at ?? "");
  expect(waitMs).toBeGreaterThan(1_700);
  expect(waitMs).toBeLessThan(3_000);
});

test("410 disables the endpoint and discards what was pending for it; the job's own URL goes on", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(({ path }) => (path.includes("gone") ? 410 : 200));
  const id = await world.endpoint(`${receiver.url}?gone`);
  await world.dispatch();
  await world.finishJob(hook(receiver.url));
  await world.until((all) => all.length === 2 && all.every(({ status }) => status !== "pending"));
  expect(await world.store.webhooks.getEndpoint({ owner: OWNER, id })).toMatchObject({
    status: "disabled",
    disabledReason: "gone",
  });
  await world.finishJob(hook(receiver.url));
  const all = await world.until((deliveries) => deliveries.filter(({ status }) => status === "delivered").length === 2);
  expect(all.map(({ status }) => status).sort()).toEqual(["delivered", "delivered", "discarded"]);
});

test("an endpoint that hangs delays no other", async () => {
  await using world = await openWorld();
  await using hanging = await Receiver.start(() => "hang");
  await using prompt = await Receiver.start();
  await world.endpoint(hanging.url);
  await world.endpoint(prompt.url);
  await world.dispatch();
  const jobs = await Promise.all(Array.from({ length: 40 }, () => world.finishJob()));
  const events = await prompt.received(jobs.length, 5_000);
  expect(new Set(events.map(({ event }) => event.data["id"]))).toEqual(new Set(jobs));
  // No more than its share at a time.
  expect(hanging.events.length).toBeLessThanOrEqual(32);
});

test("a receiver that keeps failing is left alone until its breaker lets one attempt through, whose success brings the rest", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(() => 500);
  await using other = await Receiver.start();
  const id = await world.endpoint(receiver.url);
  const later = { next: "retry", delayMs: 600_000 } as const;
  await world.dispatch({ plan: ({ outcome }) => (outcome === "delivered" ? { next: "none" } : later) });
  for (let i = 0; i < 10; i++) await world.finishJob();
  await world.until((all) => all.length === 10 && all.every(({ attempts }) => attempts.length === 1));
  expect(await world.store.webhooks.breakerOf(id)).toMatchObject({ state: "open", failures: 10 });

  receiver.behave = () => 200;
  for (let i = 0; i < 3; i++) await world.finishJob(hook(other.url));
  await other.received(3);
  const putOff = (all: Delivery[]) => all.filter(({ endpoint_id, attempts }) => endpoint_id === id && attempts.length === 0);
  await world.until(
    (all) => putOff(all).filter(({ next_attempt_at }) => Date.parse(next_attempt_at ?? "") > Date.now()).length === 3,
  );
  expect(receiver.events).toHaveLength(10);
  await receiver.received(13, 14_000);
  await world.until((all) => all.filter(({ endpoint_id, status }) => endpoint_id === id && status === "delivered").length === 3);
  expect(await world.store.webhooks.breakerOf(id)).toMatchObject({ state: "closed" });
}, 40_000);

test("more deliveries than a receiver may have at a time all come, without waiting for their late carriers", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.dispatch();
  const jobs = await Promise.all(Array.from({ length: 200 }, () => world.finishJob(hook(receiver.url))));
  const events = await receiver.received(jobs.length, 14_000);
  expect(new Set(events.map(({ id }) => id)).size).toBe(jobs.length);
  const all = await world.until((deliveries) => deliveries.every(({ status }) => status === "delivered"));
  expect(all.every(({ attempts }) => attempts.length === 1)).toBe(true);
});

test("standardwebhooks verifies every delivery before, during and after a rotation", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  const [old, fresh] = [WebhookSecret.generate().reveal(), WebhookSecret.generate().reveal()];
  const id = await world.endpoint(receiver.url, { secret: old });
  await world.dispatch();
  const next = async () => {
    const before = receiver.events.length;
    await world.finishJob();
    const event = (await receiver.received(before + 1))[before];
    if (event === undefined) throw new Error("received above");
    return [verifies(old, event), verifies(fresh, event)];
  };
  expect(await next()).toEqual([true, false]);
  await world.store.webhooks.rotateSecret({ owner: OWNER, id }, { secret: fresh, previousValidMs: 60_000 });
  expect(await next()).toEqual([true, true]);
  await world.store.webhooks.rotateSecret({ owner: OWNER, id }, { secret: fresh, previousValidMs: 0 });
  expect(await next()).toEqual([false, true]);
});

test("standardwebhooks verifies every delivery while the deployment's own secret is rotated from dispatcher to dispatcher", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  const [old, fresh] = [WebhookSecret.generate().reveal(), WebhookSecret.generate().reveal()];
  const own = WebhookSecret.generate().reveal();
  const seen = [];
  for (const secrets of [[old], [fresh, old], [fresh]]) {
    const dispatcher = await world.dispatch({ secrets });
    const before = receiver.events.length;
    await world.finishJob(hook(receiver.url));
    await world.finishJob(hook(`${receiver.url}/own`, { secret: own }));
    const events = (await receiver.received(before + 2)).slice(before);
    await dispatcher.stop();
    const [shared, single] = [false, true].map((isOwn) => events.find(({ path }) => path.endsWith("/own") === isOwn));
    if (shared === undefined || single === undefined) throw new Error("received above");
    seen.push([verifies(old, shared), verifies(fresh, shared)]);
    // A job's own secret signs alone.
    expect([own, old, fresh].map((secret) => verifies(secret, single))).toEqual([true, false, false]);
  }
  expect(seen).toEqual([
    [true, false],
    [true, true],
    [false, true],
  ]);
});

test("nothing is sent unsigned: without a secret each attempt fails and says why", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.dispatch({ secrets: [] });
  await world.finishJob(hook(receiver.url));
  const [delivery] = await world.until(([first]) => (first?.attempts.length ?? 0) > 0);
  expect(delivery?.attempts[0]).toMatchObject({ status: null, error: { code: "no_secret" } });
  expect(receiver.events).toEqual([]);
});

test("an address that is not permitted any more is not connected to", async () => {
  await using world = await openWorld();
  await world.dispatch();
  await world.finishJob(hook("http://127.0.0.2:9/hook"));
  const [delivery] = await world.until(([first]) => (first?.attempts.length ?? 0) > 0);
  expect(delivery?.attempts[0]).toMatchObject({ status: null, error: { code: "blocked" } });
});

test("a test is sent at once, tells of no job, and stands in the log", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  const endpointId = await world.endpoint(receiver.url);
  await world.dispatch();
  const sent = await world.store.webhooks.sendTest({ owner: OWNER, endpointId });
  const [event] = await receiver.received(1);
  expect(event?.event).toMatchObject({ type: "webhook.test", data: { endpoint_id: endpointId } });
  expect(sent).toMatchObject({ outcome: "scheduled", delivery: { event_id: event?.id } });
  expect(event && verifies(deploymentSecret, event)).toBe(true);
  await world.until(([first]) => first?.status === "delivered");
});

test("a job that is deleted takes its deliveries with it", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(() => 500);
  await world.dispatch();
  const jobId = await world.finishJob(hook(receiver.url));
  await receiver.received(1);
  await world.store.remove({ id: jobId, owner: OWNER });
  await world.until((all) => all.length === 0);
  const left = (await world.redis.keys("*")).filter((key) => /delivery:|deliveries:(own|job|due)|attempts:|hook:/.test(key));
  expect(left).toEqual([]);
});

test("what a dispatcher signs holds for its receiver, however wrong the dispatcher's clock is", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  try {
    await world.dispatch();
    await world.finishJob(hook(receiver.url));
    const [event] = await receiver.received(1);
    vi.useRealTimers();
    expect(event !== undefined && verifies(deploymentSecret, event)).toBe(true);
    await world.until(([first]) => first?.status === "delivered");
  } finally {
    vi.useRealTimers();
  }
});

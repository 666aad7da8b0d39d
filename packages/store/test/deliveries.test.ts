import { expect, test } from "vitest";
import type { JobHook } from "../src/index.ts";
import { done, openSlots, start, submit, until, useStore } from "./harness.ts";
import { addEndpoint, attempt, claimOne, endedJob, openAll, openOne, record, secretOf, URL_ONE } from "./webhook-harness.ts";

const harness = useStore();
const hook: JobHook = { url: "https://two.example/a?job=1", secret: secretOf("s"), events: ["job.cancelled"], payload: "thin" };
const owner = "local";

async function statusOf(id: string): Promise<string | undefined> {
  return (await harness.store.webhooks.getDelivery({ owner, id }))?.status;
}

test("a job keeps its webhook, shows it without the secret, and takes it with it", async () => {
  const job = await submit(harness, { webhook: hook });
  const { secret, ...view } = hook;
  expect((await harness.store.getJob(job))?.webhook).toEqual(view);
  expect((await harness.store.getRecord(job))?.hook).toEqual(hook);
  await harness.store.cancel(job);
  await harness.store.remove(job);
  expect(await harness.redis.exists(harness.store.keys.hook(job.id))).toBe(0);
});

test("an event goes to the job's own URL and to each endpoint of its owner that wants it, and to nobody else", async () => {
  const wanting = await addEndpoint(harness, { events: ["job.cancelled"] });
  await addEndpoint(harness, { events: ["job.succeeded"] });
  await addEndpoint(harness, { owner: "alice" });
  const disabled = await addEndpoint(harness);
  await harness.store.webhooks.updateEndpoint({ owner, id: disabled }, { status: "disabled", disabledReason: "by_owner" });
  const event = await endedJob(harness, { webhook: hook });
  const [found] = await harness.store.webhooks.targetsOf([event]);
  expect(found?.targets).toEqual([
    { endpointId: null, url: hook.url, payload: "thin" },
    { endpointId: wanting, url: URL_ONE, payload: "full" },
  ]);
  const unwanted = await endedJob(harness, { owner: "bob" });
  expect((await harness.store.webhooks.targetsOf([unwanted]))[0]?.targets).toEqual([]);
});

test("opening an event's deliveries again opens none, whatever became of them", async () => {
  await addEndpoint(harness);
  const event = await endedJob(harness, { webhook: hook });
  const first = await openAll(harness, event);
  expect(await openAll(harness, event)).toMatchObject(first.map(({ deliveryId, round }) => ({ deliveryId, round })));
  const [one, two] = first;
  if (one === undefined || two === undefined) throw new Error("two targets want the event");
  const [retry] = await attempt(harness, one, { next: "retry", delayMs: 60_000 });
  await attempt(harness, two, { next: "delivered" });
  expect((await openAll(harness, event)).map(({ deliveryId, round }) => ({ deliveryId, round }))).toEqual([
    { deliveryId: one.deliveryId, round: retry?.round },
  ]);
  const { deliveries } = await harness.store.webhooks.listDeliveries({ owner, limit: 10 });
  expect(new Set(deliveries.map((delivery) => delivery.event_id)).size).toBe(1);
  expect(deliveries.map(({ status, attempts }) => [status, attempts.length]).sort()).toEqual([
    ["delivered", 1],
    ["pending", 1],
  ]);
});

test("each claim is one attempt of the log; one whose dispatcher died is in it and does not count", async () => {
  const due = await openOne(harness, { webhook: hook });
  const lost = await claimOne(harness, due);
  expect(lost).toMatchObject({ number: 1, tries: 0, url: hook.url, secrets: [{ secret: hook.secret, validUntilMs: null }] });
  const taken = await claimOne(harness, due);
  expect(taken).toMatchObject({ number: 2, tries: 0 });
  // The first one was alive after all.
  expect(await record(harness, lost, { next: "delivered" })).toMatchObject({ outcome: "stale" });
  const { due: next } = await record(harness, taken, { next: "retry", delayMs: 5_000 });
  expect(next).toMatchObject([{ deliveryId: due.deliveryId, round: 2, delayMs: 5_000 }]);
  const delivery = await harness.store.webhooks.getDelivery({ owner, id: due.deliveryId });
  expect(delivery).toMatchObject({ status: "pending", next_attempt_at: expect.any(String) });
  expect(delivery?.attempts).toMatchObject([
    { number: 1, status: null, latency_ms: null, error: { code: "interrupted" } },
    { number: 2, status: 500, latency_ms: 3, error: { code: "http_status" } },
  ]);
  // The first carrier comes late.
  expect(await harness.store.webhooks.claimDelivery({ delivery_id: due.deliveryId, round: 1 })).toEqual({ outcome: "stale" });
});

test("a carrier that comes long before its time, by a clock that is wrong, waits on and counts for nothing", async () => {
  const due = await openOne(harness, { webhook: hook });
  const [retry] = await attempt(harness, due, { next: "retry", delayMs: 60_000 });
  const early = await harness.store.webhooks.claimDelivery({ delivery_id: due.deliveryId, round: retry?.round ?? 0 });
  expect(early).toMatchObject({ outcome: "put_off", due: [{ deliveryId: due.deliveryId, round: 3 }] });
  const delayMs = early.outcome === "put_off" ? (early.due[0]?.delayMs ?? 0) : 0;
  expect(delayMs).toBeGreaterThan(50_000);
  expect(delayMs).toBeLessThanOrEqual(60_000);
  const delivery = await harness.store.webhooks.getDelivery({ owner, id: due.deliveryId });
  expect(delivery?.attempts).toHaveLength(1);
});

test("an aborted attempt is in the log and uses nothing up", async () => {
  const due = await openOne(harness, { webhook: hook });
  const { due: next } = await record(harness, await claimOne(harness, due), { next: "aborted" });
  expect(next).toMatchObject([{ delayMs: 0 }]);
  expect(await claimOne(harness, next[0] ?? due)).toMatchObject({ number: 2, tries: 0 });
});

test("410 disables the endpoint for all its events; of a job's own URL it ends that delivery", async () => {
  const id = await addEndpoint(harness);
  const other = await openOne(harness);
  await attempt(harness, await openOne(harness), { next: "gone" });
  expect(await harness.store.webhooks.getEndpoint({ owner, id })).toMatchObject({ status: "disabled", disabledReason: "gone" });
  await harness.store.webhooks.discardPending(id);
  expect(await statusOf(other.deliveryId)).toBe("discarded");
  const own = await openOne(harness, { webhook: hook });
  expect(await attempt(harness, own, { next: "gone" })).toEqual([]);
  expect(await statusOf(own.deliveryId)).toBe("discarded");
});

test("deliveries go with their job, also in the middle of an attempt", async () => {
  await addEndpoint(harness);
  const event = await endedJob(harness, { webhook: hook });
  const [own, other] = await openAll(harness, event);
  if (own === undefined || other === undefined) throw new Error("two targets want the event");
  await attempt(harness, own, { next: "dead" });
  const claim = await claimOne(harness, other);
  await harness.store.remove({ id: event.jobId, owner });
  expect(await record(harness, claim, { next: "retry", delayMs: 5 })).toEqual({ outcome: "gone", due: [] });
  expect((await harness.store.webhooks.listDeliveries({ owner, limit: 10 })).deliveries).toEqual([]);
  expect(await openAll(harness, event)).toEqual([]);
});

test("tests have no job and go after the retention", async () => {
  const endpointId = await addEndpoint(harness);
  const sent = await harness.store.webhooks.sendTest({ owner, endpointId });
  expect(sent).toMatchObject({
    outcome: "scheduled",
    delivery: { event: "webhook.test", job_id: null, endpoint_id: endpointId },
  });
  const read = () => harness.store.webhooks.listDeliveries({ owner, endpointId, limit: 10 });
  expect((await read()).deliveries).toHaveLength(1);
  await harness.store.sweep({ retentionMs: 60_000, limit: 10 });
  expect((await read()).deliveries).toHaveLength(1);
  await until(
    async () => {
      await harness.store.sweep({ retentionMs: 0, limit: 10 });
      return (await read()).deliveries.length;
    },
    (count) => count === 0,
  );
});

test("lists an owner's deliveries newest first, by job, endpoint and status, in pages that skip and repeat nothing", async () => {
  const endpointId = await addEndpoint(harness);
  const events = [];
  for (let i = 0; i < 5; i++) events.push(await endedJob(harness, { webhook: i % 2 === 0 ? hook : null }));
  for (const event of events) for (const due of await openAll(harness, event)) await claimOne(harness, due);
  const { webhooks } = harness.store;
  const all = (await webhooks.listDeliveries({ owner, limit: 100 })).deliveries;
  expect(all).toHaveLength(8);
  expect(all.map(({ id }) => id)).toEqual(
    all
      .map(({ id }) => id)
      .sort()
      .reverse(),
  );

  const paged: string[] = [];
  for (let after: string | undefined; ; after = paged.at(-1)) {
    const page = await webhooks.listDeliveries({ owner, limit: 3, ...(after === undefined ? {} : { after }) });
    paged.push(...page.deliveries.map(({ id }) => id));
    if (!page.hasMore) break;
  }
  expect(paged).toEqual(all.map(({ id }) => id));
  const [event] = events;
  const jobId = event?.jobId ?? "";
  expect((await webhooks.listDeliveries({ owner, jobId, limit: 10 })).deliveries).toHaveLength(2);
  expect((await webhooks.listDeliveries({ owner, jobId, endpointId, limit: 10 })).deliveries).toHaveLength(1);
  expect((await webhooks.listDeliveries({ owner, endpointId, limit: 10 })).deliveries).toHaveLength(5);
  expect((await webhooks.listDeliveries({ owner, status: "dead", limit: 10 })).deliveries).toEqual([]);
  for (const query of [{ jobId }, { endpointId }, {}])
    expect((await webhooks.listDeliveries({ owner: "bob", limit: 10, ...query })).deliveries).toEqual([]);
});

test("redelivers one of any state at once, and all that have failed since a time", async () => {
  const { webhooks } = harness.store;
  const open = () => openOne(harness, { webhook: hook });
  const [first, second, third, fourth] = [await open(), await open(), await open(), await open()];
  await attempt(harness, first, { next: "dead" });
  await attempt(harness, second, { next: "retry", delayMs: 60_000 });
  await attempt(harness, third, { next: "delivered" });
  const ids = [first, second, third, fourth].map(({ deliveryId: id }) => ({ owner, id }));
  expect(await webhooks.redeliverFailed({ owner, sinceMs: Date.now() + 3_600_000, limit: 10 })).toEqual({
    scheduled: 0,
    hasMore: false,
  });
  expect(await webhooks.redeliverFailed({ owner, sinceMs: 0, limit: 1 })).toEqual({ scheduled: 1, hasMore: true });
  expect(await webhooks.redeliverFailed({ owner, sinceMs: 0, limit: 10 })).toEqual({ scheduled: 1, hasMore: false });
  expect(await Promise.all(ids.map((id) => webhooks.redeliver(id)))).toEqual(["pending", "pending", "scheduled", "pending"]);
  expect(await webhooks.redeliver({ owner: "bob", id: first.deliveryId })).toBe("gone");
  expect(await statusOf(third.deliveryId)).toBe("pending");
  const log = (await webhooks.getDelivery({ owner, id: first.deliveryId }))?.attempts;
  expect(log).toMatchObject([{ number: 1 }]);
});

test("neither jobs nor owners without webhooks get a key more", async () => {
  await openSlots(harness, 1);
  const job = await start(harness);
  await harness.store.finish(job.claim, done);
  const names = (await harness.redis.keys("*")).map((key) => key.slice(harness.store.keys.base.length));
  expect(names.filter((name) => /hook|deliver|endpoint|receiver|line:|leases/.test(name))).toEqual([]);
});

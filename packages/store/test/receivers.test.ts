import { expect, test } from "vitest";
import { ATTEMPTS_PER_RECEIVER, type DueDelivery } from "../src/index.ts";
import { redisNow, useStore } from "./harness.ts";
import { addEndpoint, attempt, claimOne, openOne, record, URL_ONE } from "./webhook-harness.ts";

const harness = useStore();
const owner = "local";
const FAILURES_TO_OPEN = 10;
const fail = { next: "retry", delayMs: 600_000 } as const;

const claim = ({ deliveryId, round }: DueDelivery, limit?: number) =>
  harness.store.webhooks.claimDelivery({ delivery_id: deliveryId, round }, limit);

/** Opens so many deliveries, in the order in which they stand in a line. */
async function openMany(count: number): Promise<DueDelivery[]> {
  const opened: DueDelivery[] = [];
  for (let i = 0; i < count; i++) opened.push(await openOne(harness));
  // Of events of one millisecond the id decides.
  return opened.sort((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
}

/** An endpoint whose breaker has just opened. */
async function openBreaker(): Promise<string> {
  const id = await addEndpoint(harness);
  for (let i = 0; i < FAILURES_TO_OPEN; i++) await attempt(harness, await openOne(harness), fail);
  return id;
}

/** The time that a breaker is open for passes. */
async function coolDown(id: string): Promise<void> {
  const { redis, store } = harness;
  const past = (await redisNow(redis)) - 1;
  await redis.hset(store.keys.receiver(id), "open_until_ms", past);
  await redis.zadd(store.keys.receiversOpen, past, id);
}

/** The time until which a delivery was put off passes. */
async function letFallDue({ deliveryId }: DueDelivery): Promise<void> {
  await harness.redis.hset(harness.store.keys.delivery(deliveryId), "due_ms", await redisNow(harness.redis));
}

test("a receiver at its limit puts the others off, uncounted, and each end calls those who stand in its line", async () => {
  await addEndpoint(harness);
  const claims = [];
  for (let i = 0; i < ATTEMPTS_PER_RECEIVER; i++) claims.push(await claimOne(harness, await openOne(harness)));
  const waiting = await openMany(3);
  const answers = [];
  for (const due of waiting) answers.push(await claim(due));
  // The others get a carrier when they are late, or called.
  expect(answers).toMatchObject([{ outcome: "put_off", due: [{ round: 2 }] }, { due: [] }, { due: [] }]);
  // Elsewhere there is room.
  const hook = { url: "https://two.example/", secret: null, events: ["job.cancelled"], payload: "thin" } as const;
  expect(await claim(await openOne(harness, { owner: "alice", webhook: { ...hook, events: ["job.cancelled"] } }))).toMatchObject({
    outcome: "claimed",
  });

  const [first, second] = claims;
  if (first === undefined || second === undefined) throw new Error("claimed above");
  const { due: called } = await record(harness, first, { next: "delivered" });
  expect(called).toMatchObject([{ deliveryId: waiting[0]?.deliveryId, round: 3, delayMs: 0 }]);
  const [next] = called;
  if (next === undefined) throw new Error("called above");
  expect(await claimOne(harness, next)).toMatchObject({ number: 1, tries: 0 });
  // The carrier from before comes late.
  expect(await claim({ ...next, round: 2 })).toEqual({ outcome: "stale" });
});

test("the limit is that of who claims and who records: nobody is called while there are as many as there may be", async () => {
  await addEndpoint(harness);
  const first = await claimOne(harness, await openOne(harness), 2);
  const second = await claimOne(harness, await openOne(harness), 2);
  const waiting = await openOne(harness);
  expect(await claim(waiting, 2)).toMatchObject({ outcome: "put_off" });
  expect(await record(harness, first, { next: "delivered" }, { limit: 1 })).toMatchObject({ due: [] });
  const { due } = await record(harness, second, { next: "delivered" }, { limit: 1 });
  expect(due).toMatchObject([{ deliveryId: waiting.deliveryId }]);
});

test("where hardly a place is left, a quick receiver has one, and a slow one none until it is quick again", async () => {
  await addEndpoint(harness);
  const one = () => openOne(harness);
  const unknown = await claimOne(harness, await one(), 0);
  expect(await claim(await one(), 0)).toMatchObject({ outcome: "put_off" });
  const { due: none } = await record(harness, unknown, { next: "delivered" }, { latency_ms: 5_000, limit: 0 });
  expect(none).toEqual([]);
  const slow = await one();
  expect(await claim(slow, 0)).toMatchObject({ outcome: "put_off" });
  await letFallDue(slow);
  const again = await claimOne(harness, { ...slow, round: 2 }, 1);
  const { due: called } = await record(harness, again, fail, { latency_ms: 4_999, limit: 0 });
  expect(called).toMatchObject([{ delayMs: 600_000 }, { delayMs: 0 }]);
  expect(await claim(called[1] ?? slow, 0)).toMatchObject({ outcome: "claimed" });
});

test("those who stand in a line come one a second, in the order of their events, if nobody calls them", async () => {
  await addEndpoint(harness);
  await claimOne(harness, await openOne(harness), 1);
  const waiting = await openMany(3);
  const dueIn = async () => {
    const nowMs = await redisNow(harness.redis);
    const scores = waiting.map(({ deliveryId }) => harness.redis.zscore(harness.store.keys.deliveriesDue, deliveryId));
    return (await Promise.all(scores)).map((score) => Math.round((Number(score) - nowMs) / 1000));
  };
  for (const due of waiting) await claim(due, 1);
  expect(await dueIn()).toEqual([15, 16, 17]);
  const [first] = waiting;
  if (first === undefined) throw new Error("opened above");
  // Its carrier comes, finds no room, and does not go to the end.
  await letFallDue(first);
  expect(await claim({ ...first, round: 2 }, 1)).toMatchObject({ outcome: "put_off", due: [{ round: 3 }] });
  expect(await dueIn()).toEqual([15, 16, 17]);
});

test("who was taken for dead and records after all leaves the place of who took over", async () => {
  const id = await addEndpoint(harness);
  const due = await openOne(harness);
  const lost = await claimOne(harness, due);
  await claimOne(harness, due);
  expect(await record(harness, lost, { next: "delivered" })).toMatchObject({ outcome: "stale" });
  expect(await harness.redis.zcard(`${harness.store.keys.base}leases:${id}`)).toBe(1);
});

test("leases of dead dispatchers end, and do not hold their places for ever", async () => {
  const id = await addEndpoint(harness);
  for (let i = 0; i < ATTEMPTS_PER_RECEIVER; i++) await claimOne(harness, await openOne(harness));
  const leases = `${harness.store.keys.base}leases:${id}`;
  const members = await harness.redis.zrange(leases, "0", "-1");
  await harness.redis.zadd(leases, ...members.flatMap((member) => [1, member]));
  expect(await claim(await openOne(harness))).toMatchObject({ outcome: "claimed" });
});

test("a renewed attempt keeps its place and its carrier; one that was recorded gets nothing back", async () => {
  const id = await addEndpoint(harness);
  const [first, second] = [await claimOne(harness, await openOne(harness)), await claimOne(harness, await openOne(harness))];
  await record(harness, second, fail);
  const leases = `${harness.store.keys.base}leases:${id}`;
  const before = await redisNow(harness.redis);
  await harness.redis.zadd(leases, "XX", before + 100, first.deliveryId);
  await harness.store.webhooks.renewAttempts([first, second]);
  expect(Number(await harness.redis.zscore(leases, first.deliveryId))).toBeGreaterThan(before + 1_000);
  expect(await harness.redis.zscore(leases, second.deliveryId)).toBeNull();
  const due = Number(await harness.redis.zscore(harness.store.keys.deliveriesDue, second.deliveryId));
  expect(due - before).toBeGreaterThan(500_000);
});

test("more attempts than one call of a script takes are all renewed", async () => {
  const id = await addEndpoint(harness);
  const claims = [];
  for (let i = 0; i < 201; i++) claims.push(await claimOne(harness, await openOne(harness), 1_000));
  const leases = `${harness.store.keys.base}leases:${id}`;
  const nowMs = await redisNow(harness.redis);
  await harness.redis.zadd(leases, "XX", ...claims.flatMap(({ deliveryId }) => [nowMs + 500, deliveryId]));
  await harness.store.webhooks.renewAttempts(claims);
  expect(await harness.redis.zcount(leases, nowMs + 1_000, "+inf")).toBe(201);
});

/** How many are told to operators. */
const receivers = async () => (await harness.store.webhooks.backlog()).receivers;

test("ten failures in a row open a breaker: what is due is put off and uses none of its schedule up", async () => {
  const id = await openBreaker();
  const breaker = await harness.store.webhooks.breakerOf(id);
  expect(breaker).toMatchObject({ state: "open", failures: FAILURES_TO_OPEN });
  expect(await receivers()).toEqual({ open: 1, halfOpen: 0 });
  const due = await openOne(harness);
  const result = await claim(due);
  expect(result).toMatchObject({ outcome: "put_off", due: [{ deliveryId: due.deliveryId }] });
  const delay = result.outcome === "put_off" ? (result.due[0]?.delayMs ?? 0) : 0;
  expect(delay).toBeGreaterThan(5_000);
  expect(await harness.store.webhooks.getDelivery({ owner, id: due.deliveryId })).toMatchObject({
    status: "pending",
    attempts: [],
  });
});

test("a breaker that opens calls the first in line for the time when it is half open", async () => {
  await addEndpoint(harness);
  const under = await claimOne(harness, await openOne(harness), 1);
  const waiting = await openMany(2);
  for (const due of waiting) await claim(due, 1);
  for (let i = 1; i < FAILURES_TO_OPEN; i++)
    await record(harness, await claimOne(harness, await openOne(harness)), fail, { limit: 1 });
  const { due } = await record(harness, under, fail, { limit: 1 });
  expect(due).toMatchObject([
    { deliveryId: waiting[0]?.deliveryId, delayMs: 10_000 },
    { deliveryId: under.deliveryId, delayMs: fail.delayMs },
  ]);
});

test("a success between keeps a breaker closed", async () => {
  const id = await addEndpoint(harness);
  for (let i = 0; i < 3 * FAILURES_TO_OPEN; i++)
    await attempt(harness, await openOne(harness), i % FAILURES_TO_OPEN === 0 ? { next: "delivered" } : fail);
  expect(await harness.store.webhooks.breakerOf(id)).toMatchObject({ state: "closed", failures: FAILURES_TO_OPEN - 1 });
});

test("a half-open breaker lets one probe through: its failure doubles the time, its success calls the line", async () => {
  const id = await openBreaker();
  const parked = await openOne(harness);
  await claim(parked);
  await coolDown(id);
  expect(await harness.store.webhooks.breakerOf(id)).toMatchObject({ state: "half_open" });
  expect(await receivers()).toEqual({ open: 0, halfOpen: 1 });

  const probe = await claimOne(harness, await openOne(harness));
  expect(await claim(await openOne(harness))).toMatchObject({ outcome: "put_off" });
  await record(harness, probe, fail);
  const again = await harness.store.webhooks.breakerOf(id);
  expect(again).toMatchObject({ state: "open", failures: FAILURES_TO_OPEN + 1 });
  expect((again.openUntilMs ?? 0) - (await redisNow(harness.redis))).toBeGreaterThan(15_000);

  await coolDown(id);
  const { due: called } = await record(harness, await claimOne(harness, await openOne(harness)), { next: "delivered" });
  expect(called.map(({ deliveryId }) => deliveryId)).toContain(parked.deliveryId);
  expect(await harness.store.webhooks.breakerOf(id)).toEqual({ state: "closed", failures: 0, openUntilMs: null });
  expect(await receivers()).toEqual({ open: 0, halfOpen: 0 });
});

test("an endpoint that is deleted leaves no breaker behind", async () => {
  const id = await openBreaker();
  await harness.store.webhooks.deleteEndpoint({ owner, id });
  expect(await receivers()).toEqual({ open: 0, halfOpen: 0 });
});

test("what is discarded or erased leaves its receiver's line", async () => {
  const id = await openBreaker();
  const line = `${harness.store.keys.base}line:${id}`;
  const [discarded, erased] = [await openOne(harness), await openOne(harness)];
  await claim(discarded);
  await claim(erased);
  expect(await harness.redis.zcard(line)).toBe(2);
  const delivery = await harness.store.webhooks.getDelivery({ owner, id: erased.deliveryId });
  await harness.store.remove({ id: delivery?.job_id ?? "", owner });
  expect(await harness.redis.zrange(line, "0", "-1")).toEqual([discarded.deliveryId]);
  await harness.store.webhooks.updateEndpoint({ owner, id }, { status: "disabled", disabledReason: "by_owner" });
  expect(await harness.redis.exists(line)).toBe(0);
});

test("an aborted probe leaves its place to the next one", async () => {
  const id = await openBreaker();
  await coolDown(id);
  await record(harness, await claimOne(harness, await openOne(harness)), { next: "aborted" });
  expect(await claim(await openOne(harness))).toMatchObject({ outcome: "claimed" });
});

test("who asks for a test or a redelivery does not wait for the breaker", async () => {
  const endpointId = await openBreaker();
  const { webhooks } = harness.store;
  const due = await openOne(harness);
  await claim(due);
  expect(await webhooks.redeliver({ owner, id: due.deliveryId })).toBe("scheduled");
  expect(await claim({ ...due, round: 3 })).toMatchObject({ outcome: "claimed" });
  const sent = await webhooks.sendTest({ owner, endpointId });
  if (sent.outcome !== "scheduled") throw new Error("the endpoint is enabled");
  expect(await claim({ deliveryId: sent.delivery.id, round: 1, delayMs: 0 })).toMatchObject({ outcome: "claimed" });
});

test("jobs' own URLs share a breaker by owner and origin", async () => {
  const to = (url: string) => ({ webhook: { url, secret: null, events: ["job.cancelled" as const], payload: "thin" as const } });
  for (let i = 0; i < FAILURES_TO_OPEN; i++) await attempt(harness, await openOne(harness, to(`${URL_ONE}?job=${i}`)), fail);
  expect(await claim(await openOne(harness, to(`${URL_ONE}/other`)))).toMatchObject({ outcome: "put_off" });
  expect(await claim(await openOne(harness, to("https://one.example:8443/hook")))).toMatchObject({ outcome: "claimed" });
  expect(await claim(await openOne(harness, { ...to(URL_ONE), owner: "alice" }))).toMatchObject({ outcome: "claimed" });
});

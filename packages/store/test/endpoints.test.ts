import { expect, test } from "vitest";
import { redisNow, useStore } from "./harness.ts";
import { addEndpoint, attempt, openOne, secretOf, URL_ONE } from "./webhook-harness.ts";

const harness = useStore();

test("an endpoint is its owner's: others neither see, change nor remove it", async () => {
  const { webhooks } = harness.store;
  const id = await addEndpoint(harness, { owner: "alice" });
  expect(await webhooks.getEndpoint({ owner: "alice", id })).toMatchObject({
    id,
    owner: "alice",
    url: URL_ONE,
    status: "enabled",
  });
  expect(await webhooks.listEndpoints("alice")).toHaveLength(1);

  const asBob = { owner: "bob", id };
  expect(await webhooks.getEndpoint(asBob)).toBeNull();
  expect(await webhooks.listEndpoints("bob")).toEqual([]);
  expect(await webhooks.updateEndpoint(asBob, { status: "disabled", disabledReason: "by_owner" })).toBeNull();
  expect(await webhooks.rotateSecret(asBob, { secret: secretOf("b"), previousValidMs: 0 })).toBeNull();
  expect(await webhooks.deleteEndpoint(asBob)).toBe(false);
  expect(await webhooks.sendTest({ owner: "bob", endpointId: id })).toEqual({ outcome: "gone" });
  expect((await webhooks.getEndpoint({ owner: "alice", id }))?.secrets).toEqual([{ secret: secretOf("a"), validUntilMs: null }]);
});

test("creates at once at the limit make no more than it", async () => {
  const input = { owner: "local", url: URL_ONE, events: ["job.failed"], payload: "thin", description: "mine" } as const;
  const create = () => harness.store.webhooks.createEndpoint({ ...input, secret: secretOf("a"), limit: 3 });
  const created = await Promise.all([create(), create(), create(), create(), create()]);
  expect(created.filter((endpoint) => endpoint !== null)).toHaveLength(3);
  expect(await harness.store.webhooks.listEndpoints("local")).toMatchObject([{ description: "mine" }, {}, {}]);
});

test("a rotation keeps the one secret before, for its time", async () => {
  const { webhooks } = harness.store;
  const endpoint = { owner: "local", id: await addEndpoint(harness) };
  await webhooks.rotateSecret(endpoint, { secret: secretOf("b"), previousValidMs: 60_000 });
  const rotated = await webhooks.rotateSecret(endpoint, { secret: secretOf("c"), previousValidMs: 60_000 });
  expect(rotated?.secrets.map(({ secret }) => secret)).toEqual([secretOf("c"), secretOf("b")]);
  const until = rotated?.secrets[1]?.validUntilMs ?? 0;
  expect(Math.abs(until - (await redisNow(harness.redis)) - 60_000)).toBeLessThan(5_000);
});

test("disabling discards what is pending; enabling brings it back only by redelivery", async () => {
  const { webhooks } = harness.store;
  const endpoint = { owner: "local", id: await addEndpoint(harness) };
  const due = await openOne(harness);
  const [later] = await attempt(harness, await openOne(harness), { next: "retry", delayMs: 60_000 });
  const disabled = await webhooks.updateEndpoint(endpoint, { status: "disabled", disabledReason: "by_owner" });
  expect(disabled).toMatchObject({ status: "disabled", disabledReason: "by_owner" });
  const { deliveries } = await webhooks.listDeliveries({ owner: "local", limit: 10 });
  expect(deliveries.map(({ status }) => status)).toEqual(["discarded", "discarded"]);
  expect(await webhooks.claimDelivery({ delivery_id: due.deliveryId, round: due.round })).toEqual({ outcome: "stale" });
  expect(await webhooks.redeliver({ owner: "local", id: due.deliveryId })).toBe("disabled");

  const enabled = await webhooks.updateEndpoint(endpoint, { status: "enabled", disabledReason: null });
  expect(enabled).toMatchObject({ status: "enabled", disabledReason: null });
  expect(await webhooks.redeliver({ owner: "local", id: later?.deliveryId ?? "" })).toBe("scheduled");
});

test("a removed endpoint gets nothing more; its log stays with the job", async () => {
  const { webhooks } = harness.store;
  const id = await addEndpoint(harness);
  const { deliveryId } = await openOne(harness);
  expect(await webhooks.deleteEndpoint({ owner: "local", id })).toBe(true);
  expect(await webhooks.deleteEndpoint({ owner: "local", id })).toBe(false);
  expect(await webhooks.getDelivery({ owner: "local", id: deliveryId })).toMatchObject({ status: "discarded", endpoint_id: id });
  expect(await webhooks.redeliver({ owner: "local", id: deliveryId })).toBe("gone");
});

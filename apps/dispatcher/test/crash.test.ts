import { connectRedis, createOutbox } from "@llamero/store";
import { startLlamero } from "@llamero/testkit";
import { afterEach, expect, test } from "vitest";
import { openDeliveries } from "../src/open-deliveries.ts";
import { deploymentSecret, hook, OWNER, openWorld, type World } from "./harness.ts";
import { Receiver } from "./receiver.ts";

const processes: Awaited<ReturnType<typeof startLlamero>>[] = [];
afterEach(async () => {
  for (const process of processes.splice(0)) await process.kill();
});

async function startProcess({ server }: World) {
  const process = await startLlamero("dispatcher", {
    REDIS_URL: server.url,
    LLAMERO_PREFIX: "test",
    LLAMERO_WEBHOOK_SECRET: deploymentSecret,
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
    LLAMERO_WEBHOOK_HTTP: "true",
    LLAMERO_STOP_SECONDS: "5",
    LOG_LEVEL: "debug",
  });
  processes.push(process);
  return process;
}

test("dispatchers killed in the middle lose no event, and the log accounts for every attempt that a receiver saw", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start((_event, nth) => (nth % 5 === 0 ? "hang" : 200));
  const first = await startProcess(world);
  const jobs = await Promise.all(Array.from({ length: 100 }, () => world.finishJob(hook(receiver.url))));
  await receiver.received(20);
  await first.kill();
  const second = await startProcess(world);
  await receiver.received(90);
  await second.kill();
  receiver.behave = () => 200;
  await startProcess(world);
  const isDone = (all: { status: string }[]) => all.length === jobs.length && all.every(({ status }) => status === "delivered");
  const deliveries = await world.until(isDone, 40_000);
  const seen = Map.groupBy(receiver.events, ({ id }) => id);
  expect(seen.size).toBe(jobs.length);
  for (const { event_id, attempts } of deliveries) {
    expect(attempts.length).toBeGreaterThanOrEqual(seen.get(event_id)?.length ?? Number.POSITIVE_INFINITY);
    expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1));
    expect(attempts.slice(0, -1).every(({ error }) => error?.code === "interrupted")).toBe(true);
  }
}, 90_000);

test("a dispatcher that died between opening and acknowledging doubles nothing", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  await world.finishJob(hook(receiver.url));
  const dying = await connectRedis(world.server.url, "blocking");
  const outbox = createOutbox(dying, world.store.keys, "dying");
  await outbox.open();
  const events = await outbox.read(10, 10);
  for (const { event, targets } of await world.store.webhooks.targetsOf(events))
    for (const target of targets) await world.store.webhooks.openDelivery(event, target);
  dying.disconnect();

  // The carrier was never added: it is missed once the delivery is late.
  await world.dispatch();
  await world.until(([first]) => first?.status === "delivered");
  // Its event is adopted and handled again.
  await openDeliveries(world.store, world.carriers, events);
  await world.finishJob(hook(receiver.url));
  const all = await world.until(
    (deliveries) => deliveries.length === 2 && deliveries.every(({ status }) => status === "delivered"),
  );
  expect(all.map(({ attempts }) => attempts.length)).toEqual([1, 1]);
  expect(receiver.events).toHaveLength(2);
});

test("carriers that Redis has lost are replaced when their deliveries are due", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start((_event, nth) => (nth === 1 ? 500 : 200));
  await world.dispatch({ plan: ({ outcome }) => (outcome === "delivered" ? { next: "none" } : { next: "retry", delayMs: 500 }) });
  await world.finishJob(hook(receiver.url));
  await world.until(([first]) => first?.attempts.length === 1);
  const carriers = await world.redis.keys(`${world.store.keys.queues}:deliveries:*`);
  await world.redis.del(...carriers);
  await receiver.received(2);
  await world.until(([first]) => first?.status === "delivered");
});

test("deliveries go on after Redis has been away, also those that were under way", async () => {
  await using world = await openWorld();
  const held = Promise.withResolvers<void>();
  await using receiver = await Receiver.start(() => 200);
  receiver.hold = held.promise;
  await world.dispatch();
  await world.finishJob(hook(receiver.url));
  await receiver.received(1);
  await world.server.kill();
  held.resolve();
  await world.server.restart();
  await world.finishJob(hook(receiver.url));
  const all = await world.until(
    (deliveries) => deliveries.length === 2 && deliveries.every(({ status }) => status === "delivered"),
    30_000,
  );
  expect(all.map(({ attempts }) => attempts.length)).toEqual([1, 1]);
}, 60_000);

test("a dispatcher that stops hands its attempts back, uncounted and within its time", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start(() => "hang");
  const process = await startProcess(world);
  await world.finishJob(hook(receiver.url));
  await receiver.received(1);
  expect(await process.stop()).toBe(0);
  const [delivery] = await world.until(([first]) => first?.attempts.length === 1);
  expect(delivery).toMatchObject({ status: "pending", attempts: [{ number: 1, status: null, error: { code: "aborted" } }] });
  expect(await world.redis.hget(world.store.keys.delivery(delivery?.id ?? ""), "tries")).toBe("0");
  receiver.behave = () => 200;
  await world.dispatch();
  await world.until(([first]) => first?.status === "delivered");
});

test("neither secrets nor outputs reach the log of a dispatcher", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start((_event, nth) => (nth === 1 ? 500 : 200));
  const process = await startProcess(world);
  const secret = `whsec_${Buffer.alloc(32, "x").toString("base64")}`;
  await world.finishJob(hook(`${receiver.url}?token=hush`, { secret }));
  await world.until(([first]) => first?.attempts.length === 1);
  const [delivery] = await world.until(([first]) => first?.attempts.length === 1);
  await world.store.webhooks.redeliver({ owner: OWNER, id: delivery?.id ?? "" });
  await world.until(([first]) => first?.status === "delivered");
  expect(await process.stop()).toBe(0);
  const log = JSON.stringify(process.log);
  expect(log).toContain("webhook attempt");
  for (const hidden of [secret, deploymentSecret, "token=hush", "hello"]) expect(log).not.toContain(hidden);
});

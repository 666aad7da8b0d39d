import { readdirSync } from "node:fs";
import { startLlamero } from "@llamero/testkit";
import { expect, test } from "vitest";
import { Places } from "../src/places.ts";
import { deploymentSecret, hook, OWNER, openWorld, type World } from "./harness.ts";
import { Receiver } from "./receiver.ts";

/** So many receivers that never answer, closed at the end. */
async function startHanging(count: number) {
  const receivers = await Promise.all(Array.from({ length: count }, () => Receiver.start(() => "hang")));
  const close = async () => {
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
  };
  return { receivers, [Symbol.asyncDispose]: close };
}

/** Ends jobs one after the other. @returns how long it took each until its receiver was told, in milliseconds, ascending */
async function tell(world: World, receiver: Receiver, count: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = receiver.events.length;
    await world.finishJob(hook(receiver.url));
    const endedAt = performance.now();
    await receiver.received(before + 1);
    latencies.push(performance.now() - endedAt);
  }
  return latencies.sort((a, b) => a - b);
}

test("sixty receivers that hang, with far more to deliver than there are places, delay no other", async () => {
  await using world = await openWorld();
  await using hanging = await startHanging(60);
  await using healthy = await Receiver.start();
  await world.dispatch();
  for (let round = 0; round < 40; round++)
    await Promise.all(hanging.receivers.map((receiver) => world.finishJob(hook(receiver.url))));
  // Each has what it may have: an eighth of what all of them leave.
  await Promise.all(hanging.receivers.map((receiver) => receiver.received(14)));
  const latencies = await tell(world, healthy, 50);
  // An attempt that hangs takes 15 s: whoever waited for one of its places would be later by far.
  expect(latencies.at(25)).toBeLessThan(250);
  expect(latencies.at(-1)).toBeLessThan(2_000);
  const taken = hanging.receivers.reduce((sum, { events }) => sum + events.length, 0);
  expect(taken).toBeLessThan(1_024 - 100);
}, 60_000);

test("however many are slow, the last places are for those who are not", async () => {
  await using world = await openWorld();
  await using hanging = await startHanging(30);
  await using healthy = await Receiver.start();
  for (const { url } of hanging.receivers)
    await world.redis.hset(world.store.keys.receiver(`${OWNER}@${new URL(url).origin}`), "slow", 1);
  await world.dispatch({ places: new Places(16) });
  await Promise.all(hanging.receivers.map((receiver) => world.finishJob(hook(receiver.url))));
  const told = () => hanging.receivers.reduce((sum, { events }) => sum + events.length, 0);
  const putOff = (next: string | null) => Date.parse(next ?? "") > Date.now() + 5_000;
  await world.until((all) => told() === 8 && all.filter(({ next_attempt_at }) => putOff(next_attempt_at)).length === 22);
  const latencies = await tell(world, healthy, 20);
  expect(latencies.at(-1)).toBeLessThan(2_000);
  expect(told()).toBe(8);
}, 30_000);

test.runIf(process.platform === "linux")("a dispatcher has threads to wait for 65 names at once whose DNS hangs", async () => {
  await using world = await openWorld();
  await using receiver = await Receiver.start();
  const dispatcher = await startLlamero("dispatcher", {
    REDIS_URL: world.server.url,
    LLAMERO_PREFIX: "test",
    LLAMERO_WEBHOOK_SECRET: deploymentSecret,
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32,::1/128",
    LLAMERO_WEBHOOK_HTTP: "true",
  });
  try {
    await world.finishJob(hook(receiver.url.replace("127.0.0.1", "localhost")));
    await receiver.received(1);
    // Half of them may look names up.
    expect(readdirSync(`/proc/${dispatcher.child.pid}/task`).length).toBeGreaterThanOrEqual(130);
  } finally {
    await dispatcher.kill();
  }
});

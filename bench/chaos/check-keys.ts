import { setTimeout as pause } from "node:timers/promises";
import { brokenInvariants } from "../../packages/store/test/invariants.ts";
import type { Deployment } from "./deployment.ts";

/** What a queue keeps when it holds no carrier. */
const QUEUE_PARTS = ["meta", "id", "events", "marker", "stalled-check", "stalled"];
/** Counts of carriers by state: all of them have to be none. */
const STATES = ["wait", "active", "paused", "prioritized", "waiting-children", "delayed", "completed", "failed"];

/** Workers come and go, and their keys with them, while keys are read one by one: what is wrong once may be between two of them. */
const LOOK_AGAIN_MS = 1_000;

/** What is left in Redis that should not be, one line each: what is there whenever one looks. */
export async function leftovers(deployment: Deployment): Promise<string[]> {
  const first = await lookOnce(deployment);
  if (first.length === 0) return [];
  await pause(LOOK_AGAIN_MS);
  const again = new Set(await lookOnce(deployment));
  return first.filter((line) => again.has(line));
}

async function lookOnce({ admin, store }: Deployment): Promise<string[]> {
  const { base, queues, outbox } = store.keys;
  const names = (await admin.keys("*")).map((key) => key.slice(base.length));
  const inQueues = names.filter((name) => `${base}${name}`.startsWith(`${queues}:`));
  const carriers = inQueues.filter((name) => {
    const part = name.split(":").slice(2).join(":");
    return !QUEUE_PARTS.includes(part);
  });
  const events = await admin.xlen(outbox);
  return [
    ...(await brokenInvariants(admin, store.keys)),
    ...carriers.map(
      (name) => `${name} is left ${STATES.includes(name.split(":").at(-1) ?? "") ? "with carriers in it" : "of a carrier"}`,
    ),
    ...(events === 0 ? [] : [`${events} events are left in the outbox`]),
  ];
}

import type { KeyLimits } from "@llamero/core";
import { expect, test } from "vitest";
import type { FedJob, NewJob } from "../src/index.ts";
import { done, openSlots, sampleJob, take, useStore } from "./harness.ts";

const harness = useStore();
const by = { by: "test", nowMs: 1 };

async function newKey(limits: KeyLimits, owner = "local"): Promise<string> {
  const { record } = await harness.store.apiKeys.create({ ...by, owner, name: "", limits });
  return record.id;
}

/** @returns what was fed by it */
async function submit(key: string | null, over: Partial<NewJob> = {}): Promise<{ id: string; fed: FedJob[] }> {
  const job = sampleJob(harness, { key: key === null ? null : { id: key, limits: {} }, ...over });
  const result = await harness.store.accept(job);
  if (result.outcome !== "accepted") throw new Error(result.outcome);
  return { id: job.id, fed: result.fed };
}

async function end(fed: FedJob): Promise<FedJob[]> {
  const ended = await harness.store.finish(await take(harness, { job_id: fed.jobId, run: fed.run }), done);
  return ended.outcome === "finished" ? ended.fed : [];
}

const ids = (fed: readonly FedJob[]) => fed.map(({ jobId }) => jobId);

test("a key runs as many jobs as it may, in the order they came, and holds up nobody else's", async () => {
  await openSlots(harness, 4);
  const key = await newKey({ max_running: 2 });
  const own = [await submit(key), await submit(key), await submit(key), await submit(key)];
  expect(own.map(({ fed }) => fed.length)).toEqual([1, 1, 0, 0]);
  // Another key of the same owner, and a caller without one.
  for (const other of [await newKey({}), null]) expect((await submit(other)).fed).toHaveLength(1);
  const [first] = own;
  const next = await end(first?.fed[0] as FedJob);
  expect(ids(next)).toEqual([own[2]?.id]);
  expect(ids(await end(next[0] as FedJob))).toEqual([own[3]?.id]);
});

test("over all queues: a job that ends for one model lets one of another begin", async () => {
  await openSlots(harness, 4, "w1");
  await harness.store.announceModel({ ...(await harness.store.catalogue())[0], name: "other" } as never);
  await openSlots(harness, 4, "w2", { slug: "other" });
  const key = await newKey({ max_running: 1 });
  const first = await submit(key);
  const second = await submit(key, { slug: "other" });
  expect([first.fed.length, second.fed.length]).toEqual([1, 0]);
  expect(ids(await end(first.fed[0] as FedJob))).toEqual([second.id]);
});

test("what is handed back counts no more, and what is cancelled while it is held leaves nothing", async () => {
  await openSlots(harness, 2);
  const key = await newKey({ max_running: 1 });
  const first = await submit(key);
  const second = await submit(key);
  const third = await submit(key);
  await harness.store.cancel({ id: second.id, owner: "local" });
  const claim = await take(harness, { job_id: first.id, run: 1 });
  const back = await harness.store.finish(claim, { status: "queued" });
  expect(back).toMatchObject({ outcome: "finished", fed: [{ jobId: first.id, run: 2 }] });
  await harness.store.cancel({ id: third.id, owner: "local" });
  expect((await submit(null)).fed).toHaveLength(1);
});

test("a limit that is changed holds from the next feed on, whoever was waiting", async () => {
  await openSlots(harness, 4);
  const key = await newKey({ max_running: 1 });
  await submit(key);
  const waiting = [await submit(key), await submit(key), await submit(key)];
  await harness.store.apiKeys.limit(key, { max_running: 3 }, "test");
  expect(ids(await harness.store.feed(["tiny"]))).toEqual(waiting.slice(0, 2).map(({ id }) => id));
  await harness.store.apiKeys.limit(key, {}, "test");
  expect(ids(await harness.store.feed(["tiny"]))).toEqual([waiting[2]?.id]);
});

test("keys without one of their own have the limit of the settings", async () => {
  await openSlots(harness, 4);
  await harness.store.settings.change({ key_limits: { max_running: 1 } }, by);
  const [strict, free] = [await newKey({}), await newKey({ max_running: 2 })];
  expect([(await submit(strict)).fed.length, (await submit(strict)).fed.length]).toEqual([1, 0]);
  expect([(await submit(free)).fed.length, (await submit(free)).fed.length, (await submit(free)).fed.length]).toEqual([1, 1, 0]);
  await harness.store.settings.change({ key_limits: null }, by);
  expect(await harness.store.feed(["tiny"])).toHaveLength(1);
});

test("the place of a job counts its owner's lines together; one whose key is at its limit has none", async () => {
  const key = await newKey({ max_running: 1 });
  const first = await submit(key);
  const second = await submit(null);
  const third = await submit(key);
  const placeOf = async (id: string) => (await harness.store.getJob({ id, owner: "local" }))?.position;
  expect(await Promise.all([first, second, third].map(({ id }) => placeOf(id)))).toEqual([1, 2, 3]);
  await openSlots(harness, 2);
  expect(await placeOf(third.id)).toBeNull();
});

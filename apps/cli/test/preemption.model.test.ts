import type { Job } from "@llamero/core";
import { expect, test } from "vitest";
import { type Client, Deployment, decoding, longJob, sentiment } from "./deployment.ts";
import { follow } from "./follow-events.ts";
import { expectOneText } from "./one-text.ts";

const low = { ...longJob, priority: "low" };
const high = { ...sentiment, params: { max_tokens: 8, ignore_eos: true }, priority: "high" };
/** What a high job may wait for its slot, in milliseconds. */
const SOON_MS = 1_000;

async function until(api: Client, ids: readonly string[], isSo: (jobs: Job[]) => boolean): Promise<Job[]> {
  for (;;) {
    const jobs = await Promise.all(ids.map((id) => api.until(id, () => true)));
    if (isSo(jobs)) return jobs;
  }
}

test("a high job takes a slot from the low ones that have them all, and they lose no token by it", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const jobs = await Promise.all(Array.from({ length: 6 }, () => api.submit(low)));
  const ids = jobs.map(({ id }) => id);
  const url = (id: string) => `${api.process.ready.url}/v1/jobs/${id}/events`;
  const followed = ids.map((id) => follow(url(id)));
  await until(api, ids, (seen) => seen.filter(decoding(1)).length === 2);
  const urgent = await api.ended((await api.submit(high)).id);
  expect(urgent).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(urgent.timings?.queue_ms).toBeLessThan(SOON_MS);
  const seen = await until(api, ids, () => true);
  expect(seen.filter(({ status }) => status === "succeeded")).toEqual([]);
  const ended = await Promise.all(ids.map((id) => api.ended(id)));
  expect(ended.filter(({ attempts }) => attempts === 2)).toHaveLength(1);
  expect(ended.filter(({ resumed_from }) => resumed_from !== null)).toHaveLength(1);
  for (const [index, seenText] of (await Promise.all(followed)).entries())
    await expectOneText(deployment, ended[index] as Job, seenText);
});

test("not from normal ones, for which it waits its turn, before all others", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const normal = await Promise.all(Array.from({ length: 4 }, () => api.submit(longJob)));
  const ids = normal.map(({ id }) => id);
  await until(api, ids, (seen) => seen.some(decoding(1)));
  const urgent = await api.ended((await api.submit(high)).id);
  expect(urgent.status).toBe("succeeded");
  const ended = await Promise.all(ids.map((id) => api.ended(id)));
  expect(ended.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
  const before = ended.filter(({ finished_at }) => (finished_at ?? "") < (urgent.finished_at ?? ""));
  expect(before).toHaveLength(1);
});

test("a low job that has lost its slot three times keeps it, however many high ones come", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const { id } = await api.submit(low);
  const urgent: Job[] = [];
  for (let turn = 1; turn <= 4; turn++) {
    await api.until(id, decoding(turn));
    urgent.push(await api.ended((await api.submit(high)).id));
  }
  const job = await api.ended(id);
  expect(job).toMatchObject({ status: "succeeded", attempts: 4, usage: { completion_tokens: 900 } });
  const [last, ...first] = urgent.toReversed();
  expect(Math.max(...first.map(({ timings }) => timings?.queue_ms ?? SOON_MS))).toBeLessThan(SOON_MS);
  // The fourth had to wait until it was through.
  expect((last?.finished_at ?? "") > (job.finished_at ?? "")).toBe(true);
});

test("a newer job ends the running one whose place it takes, with what that has made, and nobody else's", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const [older, other] = [await api.submit({ ...longJob, supersede_key: "draft" }), await api.submit(longJob)];
  const following = follow(`${api.process.ready.url}/v1/jobs/${other.id}/events`);
  await api.until(older.id, decoding(1));
  const newer = await api.submit({ ...sentiment, supersede_key: "draft" });
  const superseded = await api.ended(older.id);
  expect(superseded).toMatchObject({ status: "cancelled", superseded_by: newer.id, output: { finish_reason: "cancelled" } });
  expect(superseded.progress.completion_tokens).toBeGreaterThan(0);
  expect(await api.ended(newer.id)).toMatchObject({ status: "succeeded" });
  await expectOneText(deployment, await api.ended(other.id), await following);
});

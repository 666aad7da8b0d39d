import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, type StoreHarness, sampleJob } from "./harness.ts";

let harness: StoreHarness;
beforeAll(async () => {
  harness = await openStore();
});
afterAll(() => harness.close());

test("commits the record, its indexes and its place in the backlog", async () => {
  const job = sampleJob(harness, { owner: "alice" });
  const accepted = await harness.store.accept(job);
  expect(accepted).toEqual({ outcome: "accepted", fed: [] });
  const stored = await harness.store.getJob({ id: job.id, owner: "alice" });
  expect(stored).toMatchObject({ id: job.id, status: "queued", position: 1, attempts: 0, output: null });
  const page = await harness.store.listJobs({ owner: "alice", status: "queued", metadata: {}, limit: 10, order: "desc" });
  expect(page.jobs.map((entry) => entry.id)).toEqual([job.id]);
});

test("gives another owner nothing", async () => {
  const job = sampleJob(harness, { owner: "alice" });
  await harness.store.accept(job);
  expect(await harness.store.getJob({ id: job.id, owner: "bob" })).toBeNull();
});

test("answers the first job again for the same idempotency key and body", async () => {
  const idempotency = { key: "k1", bodyHash: "h1" };
  const first = sampleJob(harness, { idempotency });
  await harness.store.accept(first);
  const again = await harness.store.accept(sampleJob(harness, { idempotency }));
  expect(again).toEqual({ outcome: "duplicate", id: first.id });
});

test("refuses the same idempotency key with another body", async () => {
  const first = sampleJob(harness, { idempotency: { key: "k2", bodyHash: "h1" } });
  await harness.store.accept(first);
  const other = await harness.store.accept(sampleJob(harness, { idempotency: { key: "k2", bodyHash: "h2" } }));
  expect(other).toEqual({ outcome: "conflict", id: first.id });
});

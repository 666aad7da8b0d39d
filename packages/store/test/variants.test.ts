import { modelSlug } from "@llamero/core";
import { tinyEntry } from "@llamero/testkit";
import { beforeEach, expect, test } from "vitest";
import { done, openSlots, start, submit, take, useStore } from "./harness.ts";

const harness = useStore();
const slug = modelSlug("legal", "tiny");

beforeEach(() => harness.store.announceModel({ ...tinyEntry, name: "legal", base: "tiny", is_default: false }));

test("jobs of a variant wait in their base's queue, in the order they came, and are claimed under their own name", async () => {
  const waiting = [await submit(harness), await submit(harness, { slug }), await submit(harness)];
  const positions = await Promise.all(waiting.map(async (job) => (await harness.store.getJob(job))?.position));
  expect(positions).toEqual([1, 2, 3]);
  const fed = await openSlots(harness, 2);
  expect(fed).toEqual(waiting.map(({ id }) => ({ jobId: id, run: 1, slug: "tiny", priority: "normal" })));
  const claims = await Promise.all(fed.map(({ jobId, run }) => take(harness, { job_id: jobId, run })));
  expect(claims.map((claim) => claim.slug)).toEqual(["tiny", slug, "tiny"]);
});

test("a variant's job that ends makes room in its base's window", async () => {
  await openSlots(harness, 1);
  const [first, second] = [await start(harness, { slug }), await start(harness, { slug })];
  const third = await submit(harness);
  expect(third.fed).toEqual([]);
  expect(await harness.store.finish(first.claim, done)).toMatchObject({ fed: [{ jobId: third.id, slug: "tiny" }] });
  const back = await harness.store.finish(second.claim, { status: "queued" });
  expect(back).toMatchObject({ fed: [{ jobId: second.id, slug: "tiny" }] });
  expect(await harness.store.cancel(second)).toMatchObject({ outcome: "cancelled" });
});

test("a variant that a worker does not have is set aside, and comes back to its place with one that has it", async () => {
  const [varied, plain] = [await submit(harness, { slug }), await submit(harness)];
  const [carrier] = await openSlots(harness, 1);
  const claim = { job_id: varied.id, run: carrier?.run ?? 0 };
  expect(await harness.store.claim(claim, "w1")).toEqual({ outcome: "elsewhere", fed: [] });
  expect(await harness.store.getJob(varied)).toMatchObject({ status: "queued", attempts: 0 });
  expect(await openSlots(harness, 2)).toEqual([]);
  await harness.store.cancel(plain);
  expect(await openSlots(harness, 1, "w2", { variants: [slug] })).toEqual([
    { jobId: varied.id, run: 2, slug: "tiny", priority: "normal" },
  ]);
});

test("of a worker that is gone, a variant's job is set aside, too, and what it had can write no more", async () => {
  await openSlots(harness, 1);
  const job = await start(harness, { slug });
  expect(await harness.store.claim({ job_id: job.id, run: job.run }, "w2")).toEqual({ outcome: "elsewhere", fed: [] });
  expect(await harness.store.finish(job.claim, done)).toEqual({ outcome: "fenced" });
  expect(await harness.store.cancel(job)).toMatchObject({ outcome: "cancelled" });
});

test("views and lists tell a variant's jobs from its base's", async () => {
  const [plain, varied] = [await submit(harness), await submit(harness, { slug })];
  expect(await harness.store.getJob(plain)).toMatchObject({ model: "tiny" });
  expect(await harness.store.getJob(varied)).toMatchObject({ model: "legal" });
  const listed = async (wanted: string) =>
    (await harness.store.listJobs({ owner: "local", slug: wanted, metadata: {}, limit: 10, order: "asc" })).jobs.map(
      (job) => job.id,
    );
  expect(await listed("tiny")).toEqual([plain.id]);
  expect(await listed(slug)).toEqual([varied.id]);
});

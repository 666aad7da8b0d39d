import { describe, expect, test } from "vitest";
import type { ListQuery, NewJob } from "../src/index.ts";
import { done, openSlots, sampleJob, start, submit, useStore } from "./harness.ts";

const harness = useStore();

async function list(query: Partial<ListQuery>) {
  const page = await harness.store.listJobs({ owner: "local", metadata: {}, limit: 20, order: "desc", ...query });
  return { ids: page.jobs.map((job) => job.id), hasMore: page.hasMore };
}

async function submitMany(count: number, over: (i: number) => Partial<NewJob> = () => ({})): Promise<string[]> {
  const jobs = await Promise.all(Array.from({ length: count }, (_, i) => submit(harness, over(i))));
  return jobs.map((job) => job.id).sort();
}

/** All pages from the first on, as a client would read them. */
async function walk(query: Partial<ListQuery>, betweenPages: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const after = seen.at(-1);
    const { ids, hasMore } = await list({ ...query, ...(after === undefined ? {} : { after }) });
    seen.push(...ids);
    if (!hasMore) return seen;
    await betweenPages();
  }
}

test("lists nothing for an owner without jobs", async () => {
  expect(await list({ owner: "nobody" })).toEqual({ ids: [], hasMore: false });
});

test("goes by time, newest first or oldest first, in pages that fit together", async () => {
  const ids = await submitMany(25);
  expect(await walk({ limit: 10, order: "asc" })).toEqual(ids);
  expect(await walk({ limit: 10, order: "desc" })).toEqual(ids.toReversed());
});

test.each(["asc", "desc"] as const)("says exactly whether there is more, %s", async (order) => {
  const ids = await submitMany(10);
  const last = order === "asc" ? ids.at(-1) : ids[0];
  expect((await list({ limit: 9, order })).hasMore).toBe(true);
  expect((await list({ limit: 10, order })).hasMore).toBe(false);
  expect(await list({ order, ...(last === undefined ? {} : { after: last }) })).toEqual({ ids: [], hasMore: false });
});

test("takes a cursor of a job that has been removed", async () => {
  const [first, gone, third] = await submitMany(3);
  await harness.store.cancel({ id: gone ?? "", owner: "local" });
  await harness.store.remove({ id: gone ?? "", owner: "local" });
  expect((await list({ after: gone ?? "", order: "asc" })).ids).toEqual([third]);
  expect((await list({ after: gone ?? "", order: "desc" })).ids).toEqual([first]);
});

test("neither repeats nor skips a job while others come and go", async () => {
  const ids = await submitMany(30);
  const seen = await walk({ limit: 7 }, () => submitMany(5));
  expect(seen).toEqual(ids.toReversed());
  const removed = ids.slice(10, 12);
  const rest = await walk({ limit: 7, order: "asc" }, async () => {
    for (const id of removed) {
      await harness.store.cancel({ id, owner: "local" });
      await harness.store.remove({ id, owner: "local" });
    }
  });
  expect(new Set(rest).size).toBe(rest.length);
  expect(ids.filter((id) => !removed.includes(id) && !rest.includes(id))).toEqual([]);
});

describe("filters", () => {
  test("by status", async () => {
    await openSlots(harness, 3);
    const finished = await start(harness);
    await harness.store.finish(finished.claim, done);
    const running = await start(harness);
    const queued = await submit(harness);
    const cancelled = await submit(harness);
    await harness.store.cancel(cancelled);
    const scheduled = await submit(harness, { runAtMs: 4_000_000_000_000 });
    const found = { succeeded: finished, running, queued, cancelled, scheduled };
    for (const [status, job] of Object.entries(found))
      expect((await list({ status: status as keyof typeof found })).ids, status).toEqual([job.id]);
    expect((await list({ status: "failed" })).ids).toEqual([]);
  });

  test("by model", async () => {
    await submitMany(3);
    const other = await submitMany(12, () => ({ slug: "other" }));
    expect(await walk({ slug: "other", limit: 5, order: "asc" })).toEqual(other);
    expect((await list({ slug: "unheard-of" })).ids).toEqual([]);
  });

  test("by none over several models and states, while jobs move from one state to another", async () => {
    await openSlots(harness, 10);
    const ids = await submitMany(40, (i) => ({ slug: ["tiny", "a", "b"][i % 3] ?? "" }));
    const window = await harness.redis.zrange(harness.store.keys.window("tiny"), 0, "-1");
    const claims = [...window];
    const seen = await walk({ limit: 6, order: "asc" }, async () => {
      for (const id of claims.splice(0, 4)) await harness.store.claim({ job_id: id, run: 1 }, "w1");
    });
    expect(seen).toEqual(ids);
    expect(claims).toEqual([]);
    expect((await walk({ limit: 3, status: "running" })).sort()).toEqual(window.sort());
    expect(await walk({ limit: 9 })).toEqual(ids.toReversed());
  });

  test("by metadata, all pairs, in exact pages", async () => {
    const team = ["a", "b", "c"];
    const ids = await submitMany(30, (i) => ({ metadata: { team: team[i % 3] ?? "", run: String(i % 2) } }));
    await submitMany(5);
    const records = await Promise.all(ids.map((id) => harness.store.getJob({ id, owner: "local" })));
    const wanted = ids.filter((_, i) => records[i]?.metadata["team"] === "b" && records[i]?.metadata["run"] === "1");
    expect(await walk({ metadata: { team: "b", run: "1" }, limit: 2, order: "asc" })).toEqual(wanted);
    expect(wanted).toHaveLength(5);
    expect((await list({ metadata: { team: "b", run: "1" }, limit: 5 })).hasMore).toBe(false);
    expect((await list({ metadata: { team: "b", run: "1" }, limit: 4 })).hasMore).toBe(true);
  });

  test("by metadata whose keys every object has", async () => {
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const job = await submit(harness, { metadata });
    await submit(harness, { metadata: { other: "z" } });
    expect((await list({ metadata })).ids).toEqual([job.id]);
    expect((await list({ metadata: { toString: "x" } })).ids).toEqual([]);
  });

  test("by status, model and metadata together", async () => {
    const wanted = await submitMany(4, () => ({ slug: "other", metadata: { a: "1" } }));
    await submitMany(4, () => ({ slug: "other", metadata: { a: "2" } }));
    await submitMany(4, () => ({ metadata: { a: "1" } }));
    const [ended] = await submitMany(1, () => ({ slug: "other", metadata: { a: "1" } }));
    await harness.store.cancel({ id: ended ?? "", owner: "local" });
    const query = { status: "queued", slug: "other", metadata: { a: "1" }, order: "asc" } as const;
    expect(await walk({ ...query, limit: 3 })).toEqual(wanted);
  });

  test("finds the one match behind thousands of others", async () => {
    const needle = await submit(harness, { metadata: { needle: "yes" } });
    for (let i = 0; i < 5; i++)
      await Promise.all(
        Array.from({ length: 500 }, () => harness.store.accept(sampleJob(harness, { metadata: { hay: "yes" } }))),
      );
    expect(await list({ metadata: { needle: "yes" }, limit: 1 })).toEqual({ ids: [needle.id], hasMore: false });
  });
});

test("shows each owner its own jobs, whatever the filter", async () => {
  const [mine] = await submitMany(1, () => ({ owner: "alice", metadata: { a: "1" } }));
  const [theirs] = await submitMany(1, () => ({ owner: "bob", metadata: { a: "1" } }));
  for (const filter of [{}, { status: "queued" as const }, { slug: "tiny" }, { metadata: { a: "1" } }]) {
    expect((await list({ owner: "alice", ...filter })).ids).toEqual([mine]);
    expect((await list({ owner: "bob", ...filter })).ids).toEqual([theirs]);
  }
});

test("gives what a single read gives, but the position", async () => {
  const job = await submit(harness, { metadata: { a: "b" } });
  const page = await harness.store.listJobs({ owner: "local", metadata: {}, limit: 1, order: "desc" });
  expect(page.jobs).toEqual([{ ...(await harness.store.getJob(job)), position: null }]);
});

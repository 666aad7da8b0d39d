import type { Job } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

interface List {
  object: string;
  data: Job[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

const api = useApi();

async function list(query = ""): Promise<List> {
  const response = await api.request(`/v1/jobs${query}`);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as List;
}

async function submitMany(count: number, body: object = { prompt: "a" }): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await api.submit(body)).id);
  return ids.toSorted();
}

describe("GET /v1/jobs", () => {
  it("is an empty page without jobs", async () => {
    expect(await list()).toEqual({ object: "list", data: [], has_more: false, first_id: null, last_id: null });
  });

  it.each(["desc", "asc"])("pages through all jobs once, in %s order", async (order) => {
    const ids = await submitMany(7);
    const seen: string[] = [];
    let page = await list(`?limit=3&order=${order}`);
    for (;;) {
      expect([page.first_id, page.last_id]).toEqual([page.data[0]?.id, page.data.at(-1)?.id]);
      seen.push(...page.data.map((job) => job.id));
      if (!page.has_more) break;
      page = await list(`?limit=3&order=${order}&after=${page.last_id}`);
    }
    expect(seen).toEqual(order === "asc" ? ids : ids.toReversed());
  });

  it("keeps its place when jobs come and go between pages", async () => {
    const ids = await submitMany(4);
    const first = await list("?limit=2&order=asc");
    await api.post(`/v1/jobs/${ids[1]}/cancel`);
    expect((await api.request(`/v1/jobs/${ids[1]}`, { method: "DELETE" })).status).toBe(200);
    await submitMany(1);
    const second = await list(`?limit=2&order=asc&after=${first.last_id}`);
    expect(second.data.map((job) => job.id)).toEqual(ids.slice(2, 4));
  });

  it("says that there is more only when there is", async () => {
    await submitMany(2);
    expect((await list("?limit=2")).has_more).toBe(false);
    expect((await list("?limit=1")).has_more).toBe(true);
  });

  it("filters by status, model and metadata, alone and together", async () => {
    const [cancelled] = await submitMany(1, { prompt: "a", metadata: { team: "x", "a b": "c&d" } });
    await api.post(`/v1/jobs/${cancelled}/cancel`);
    const [waiting] = await submitMany(1, { prompt: "a", metadata: { team: "x" } });
    const [embedding] = await submitMany(1, { input: "a", model: "embedder" });
    const ids = async (query: string) => (await list(query)).data.map((job) => job.id);
    expect(await ids("?status=cancelled")).toEqual([cancelled]);
    expect(await ids("?model=embedder")).toEqual([embedding]);
    expect(new Set(await ids("?metadata.team=x"))).toEqual(new Set([waiting, cancelled]));
    expect(await ids("?metadata[team]=x&status=queued")).toEqual([waiting]);
    expect(await ids("?metadata.team=x&metadata.a%20b=c%26d")).toEqual([cancelled]);
    expect(await ids("?metadata.team=y")).toEqual([]);
    expect(await ids("?model=embedder&status=cancelled")).toEqual([]);
  });

  it("does not take an inherited name for a metadata pair", async () => {
    await submitMany(1);
    expect((await list("?metadata.constructor=x&metadata.toString=y")).data).toEqual([]);
  });

  it("gives the first page for a cursor whose job is gone", async () => {
    await submitMany(1);
    expect((await list(`?after=job_${"z".repeat(26)}`)).data).toHaveLength(1);
    expect((await list(`?after=job_${"0".repeat(26)}`)).data).toHaveLength(0);
  });

  it.each(["x", "", "job_", `job_${"u".repeat(26)}`, `job_${"0".repeat(27)}`, `JOB_${"0".repeat(26)}`, "%00", "(a", "+", "-"])(
    "refuses the cursor %j",
    async (cursor) => {
      const error = await errorOf(await api.request(`/v1/jobs?after=${encodeURIComponent(cursor)}`));
      expect(error).toMatchObject({ status: 400, code: "invalid_cursor", param: "after" });
    },
  );
});

describe("GET /v1/models", () => {
  it("lists what was ever served, the default first, with live workers", async () => {
    const response = await api.request("/v1/models");
    const { data } = (await response.json()) as { data: Record<string, unknown>[] };
    expect(data.map(({ id, is_default, workers }) => ({ id, is_default, workers }))).toEqual([
      { id: "tiny", is_default: true, workers: 1 },
      { id: "embedder", is_default: false, workers: 1 },
    ]);
    expect(data[0]).toMatchObject({ object: "model", created: 1_700_000_000, context_length: 1024 });
    expect(Object.keys(data[0] ?? {})).not.toContain("slug");
  });

  it("keeps a model without workers, and takes jobs for it", async () => {
    await api.worker.store.beat({ workerId: "w1", host: "test", pid: 1, slots: [] });
    const { data } = (await (await api.request("/v1/models")).json()) as { data: { workers: number }[] };
    expect(data.map(({ workers }) => workers)).toEqual([0, 0]);
    expect((await api.submit()).status).toBe("queued");
  });
});

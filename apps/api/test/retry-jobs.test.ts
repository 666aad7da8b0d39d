import type { Job } from "@llamero/core";
import { expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi({
  fixedKeys: [
    { owner: "alice", key: "alice-secret" },
    { owner: "bob", key: "bob-secret" },
  ],
  maxWaiting: 10,
});
const alice = { authorization: "Bearer alice-secret" };
const bob = { authorization: "Bearer bob-secret" };

interface Retried {
  data: { id: string; retry_of: string }[];
  last_id: string | null;
  has_more: boolean;
}

async function cancelled(body: object = { prompt: "a" }, headers = alice): Promise<string> {
  const { id } = await api.submit(body, headers);
  expect((await api.post(`/v1/jobs/${id}/cancel`, undefined, headers)).status).toBe(200);
  return id;
}

async function failed(body: object, code: "engine_failed" | "engine_crashed"): Promise<string> {
  const { id } = await api.submit(body, alice);
  const claim = await api.worker.take();
  await api.worker.store.finish(claim, { status: "failed", error: { code, message: "It did." } });
  return id;
}

async function retry(body: object = {}, headers = alice): Promise<Retried> {
  const response = await api.post("/v1/jobs/retry", body, headers);
  expect(response.status, await response.clone().text()).toBe(202);
  return (await response.json()) as Retried;
}

async function listed(query: string): Promise<string[]> {
  const response = await api.request(`/v1/jobs?${query}`, { headers: alice });
  return ((await response.json()) as { data: Job[] }).data.map(({ id }) => id);
}

it("runs what failed again, once, the oldest first, with its request, metadata and webhook", async () => {
  const body = { prompt: "b", metadata: { batch: "7" }, params: { seed: 3 } };
  const ids = [await failed({ prompt: "a" }, "engine_failed"), await failed(body, "engine_crashed")];
  expect(await listed("status=failed&retried=false")).toEqual(ids.toReversed());
  const { data, has_more } = await retry();
  expect(data.map(({ retry_of }) => retry_of)).toEqual(ids);
  expect(has_more).toBe(false);
  const again = await api.job(data[1]?.id ?? "", "", alice);
  expect(again).toMatchObject({ status: "queued", retry_of: ids[1], metadata: { batch: "7" }, params: { seed: 3 } });
  expect(await api.job(ids[1] ?? "", "", alice)).toMatchObject({ status: "failed", retried_by: again.id });
  expect(await retry()).toMatchObject({ data: [], has_more: false });
  expect(await listed("status=failed&retried=false")).toEqual([]);
  expect(await listed("status=failed&retried=true")).toEqual(ids.toReversed());
});

it("takes those that fit the filter, and nobody else's", async () => {
  const crashed = await failed({ prompt: "a", metadata: { batch: "1" } }, "engine_crashed");
  const other = await failed({ prompt: "a", metadata: { batch: "2" } }, "engine_failed");
  expect(await listed("status=failed&error_code=engine_crashed")).toEqual([crashed]);
  expect((await retry({}, bob)).data).toEqual([]);
  expect((await retry({ model: "embedder" })).data).toEqual([]);
  expect((await retry({ status: "expired" })).data).toEqual([]);
  expect((await retry({ error_code: "engine_crashed" })).data).toMatchObject([{ retry_of: crashed }]);
  expect((await retry({ metadata: { batch: "2" } })).data).toMatchObject([{ retry_of: other }]);
  expect(await errorOf(await api.post("/v1/jobs/retry", { model: "none" }, alice))).toMatchObject({ code: "model_not_found" });
});

it("goes on where it left off, call by call", async () => {
  const ids = [await cancelled(), await cancelled(), await cancelled()];
  const first = await retry({ status: "cancelled", limit: 2 });
  const second = await retry({ status: "cancelled", limit: 2, after: first.last_id });
  expect([first.last_id, second.last_id]).toEqual(ids.slice(1));
  expect((await retry({ status: "cancelled", after: second.last_id })).last_id).toBeNull();
  expect([first, second].flatMap(({ data }) => data.map(({ retry_of }) => retry_of))).toEqual(ids);
  expect([first.has_more, second.has_more]).toEqual([true, false]);
});

it("runs each once when several callers run all again at the same moment", async () => {
  const ids = [await cancelled(), await cancelled(), await cancelled(), await cancelled()];
  const replica = await api.replica();
  const answers = await Promise.all(
    [api, replica, api, replica].map(async (at) => (await at.post("/v1/jobs/retry", { status: "cancelled" }, alice)).json()),
  );
  const made = new Set((answers as Retried[]).flatMap(({ data }) => data.map(({ id }) => id)));
  expect(made.size).toBe(ids.length);
  expect(await listed("status=queued")).toHaveLength(ids.length);
});

it("stops where the backlog is full, and says that there is more", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.push(await cancelled());
  await api.worker.open(0);
  for (let i = 0; i < 8; i++) await api.submit({ prompt: "a" }, bob);
  const { data, has_more } = await retry({ status: "cancelled" });
  expect(data.map(({ retry_of }) => retry_of)).toEqual(ids.slice(0, 2));
  expect(has_more).toBe(true);
  expect(await errorOf(await api.post("/v1/jobs/retry", { status: "cancelled" }, alice))).toMatchObject({ code: "backlog_full" });
});

import type { Job, ReuseState, SettingsPatch } from "@llamero/core";
import { answering } from "@llamero/testkit";
import OpenAI from "openai";
import { describe, expect, it, vi } from "vitest";
import { EventClient } from "./event-client.ts";
import { errorOf } from "./expect-error.ts";
import { announce, useApi } from "./harness.ts";
import { StandInDispatcher } from "./stand-in-dispatcher.ts";

const api = useApi({
  reuseMode: "all",
  fixedKeys: [
    { owner: "alice", key: "alice-secret" },
    { owner: "bob", key: "bob-secret" },
  ],
});
const alice = { authorization: "Bearer alice-secret" };
const bob = { authorization: "Bearer bob-secret" };
const body = { prompt: "What is a llama?" };

/** Submits and runs to its end. */
async function computed(over: object = {}, headers: Record<string, string> = alice): Promise<Job> {
  const { id } = await api.submit({ ...body, ...over }, headers);
  const claim = await api.worker.take();
  expect(claim.jobId).toBe(id);
  await api.worker.write(claim, 1, "An animal");
  await api.worker.succeed(claim, "An animal");
  return api.job(id, "", headers);
}

const again = (over: object = {}, headers: Record<string, string> = alice) => api.submit({ ...body, ...over }, headers);
async function admin(): Promise<Record<string, string>> {
  const { key } = await api.store.apiKeys.create({ by: "test", owner: "ops", name: "", nowMs: 1, scopes: ["admin"] });
  return { authorization: `Bearer ${key}` };
}
const state = async () => (await (await api.request("/v1/admin/reuse", { headers: await admin() })).json()) as ReuseState;
const change = (settings: SettingsPatch) => api.store.settings.change(settings, { by: "test", nowMs: 1 });

describe("the same request again", () => {
  it("is answered at once with the job, which says that it was not computed", async () => {
    const first = await computed();
    expect(first.cached).toBe(false);
    const response = await api.post("/v1/jobs", { ...body, metadata: { a: "b" } }, alice);
    expect(response.status).toBe(202);
    const hit = (await response.json()) as Job;
    expect(hit).toMatchObject({
      ...{ status: "succeeded", cached: true, output: first.output, metadata: { a: "b" }, attempts: 0, timings: null },
      usage: { ...first.usage, cached_tokens: first.usage?.prompt_tokens },
    });
    expect(await api.job(hit.id, "", alice)).toEqual(hit);
    const waited = await api.post("/v1/jobs", body, { ...alice, prefer: "wait=10" });
    expect([waited.status, ((await waited.json()) as Job).cached]).toEqual([200, true]);
  });

  it("is told to those who follow it, from its beginning or from where they were", async () => {
    await computed();
    const { id } = await again();
    const events = [];
    for await (const { event, data } of new EventClient(await api.request(`/v1/jobs/${id}/events`, { headers: alice })))
      events.push([event, data]);
    expect(events.map(([event]) => event)).toEqual(["status", "status", "delta", "done"]);
    expect(events[2]?.[1]).toEqual({ text: "An animal", tokens: 2 });
    expect(events[3]?.[1]).toMatchObject({ cached: true });
  });

  it("is told to webhooks, and to nobody that it has started", async () => {
    await computed();
    const { id } = await again({ webhook: { url: "https://hooks.example/", secret: `whsec_${btoa("k".repeat(32))}` } });
    const [delivery] = await new StandInDispatcher(api.store).open({ id, owner: "alice" }, "job.succeeded");
    expect(delivery).toMatchObject({ job_id: id });
    const outbox = await api.store.getJob({ id, owner: "alice" });
    expect(outbox?.started_at).toBeNull();
  });

  it("is the same job under the same Idempotency-Key", async () => {
    await computed();
    const key = { ...alice, "idempotency-key": "k1" };
    const hit = await again({}, key);
    expect((await again({}, key)).id).toBe(hit.id);
    const other = await api.post("/v1/jobs", { ...body, prompt: "else" }, key);
    expect(await errorOf(other)).toMatchObject({ status: 409, code: "idempotency_conflict" });
  });

  it("can be listed and deleted as any other job", async () => {
    await computed();
    const { id } = await again();
    const listed = (await (await api.request("/v1/jobs?status=succeeded", { headers: alice })).json()) as { data: Job[] };
    expect(listed.data.map((job) => [job.id === id, job.cached])).toEqual([
      [true, true],
      [false, false],
    ]);
    expect((await api.request(`/v1/jobs/${id}`, { method: "DELETE", headers: alice })).status).toBe(200);
    expect((await again()).cached).toBe(true);
  });
});

describe("a request is computed", () => {
  it.each<[string, object, Record<string, string>]>([
    ["of another owner, who cannot learn by it what was asked", {}, bob],
    ["with another prompt", { prompt: "What is an alpaca?" }, alice],
    ["with other params", { params: { max_tokens: 3 } }, alice],
    ["that draws at random", { params: { temperature: 1 } }, alice],
    ["that says so", { reuse: false }, alice],
    ["that says so in its header", {}, { ...alice, "x-llamero-reuse": "false" }],
  ])("%s", async (_what, over, headers) => {
    await computed();
    expect(await again(over, headers)).toMatchObject({ status: "queued", cached: false });
  });

  it("again by a retry, and its answer is for nobody else", async () => {
    const first = await computed();
    const retried = (await (await api.post(`/v1/jobs/${first.id}/retry`, undefined, alice)).json()) as Job;
    expect(retried).toMatchObject({ status: "queued", cached: false });
    const claim = await api.worker.take();
    expect(claim).toMatchObject({ jobId: retried.id, reuseKey: null });
    await api.worker.succeed(claim, "Another animal");
    expect((await again()).output).toEqual(first.output);
  });

  it("by a model whose file has changed since", async () => {
    await computed();
    await announce(api.store, "tiny", { is_default: true, digest: "1".repeat(64) });
    const { store } = await api.replica();
    expect((await store.catalogue())[0]?.digest).toBe("1".repeat(64));
    const replica = await api.replica();
    expect(await replica.submit(body, alice)).toMatchObject({ status: "queued" });
  });

  it("is kept by nobody where it has asked not to be", async () => {
    await computed({ reuse: false });
    expect(await again()).toMatchObject({ status: "queued" });
  });

  it("refuses a header that says neither yes nor no", async () => {
    const refused = await api.post("/v1/jobs", body, { ...alice, "x-llamero-reuse": "maybe" });
    expect(await errorOf(refused)).toMatchObject({ status: 400, param: "x-llamero-reuse" });
  });
});

it("answers what draws at random by a seed that was named", async () => {
  const params = { temperature: 1, seed: 7 };
  const first = await computed({ params });
  expect(await again({ params })).toMatchObject({ cached: true, output: first.output });
  expect(await again({ params: { ...params, seed: 8 } })).toMatchObject({ status: "queued" });
});

it("answers those that ask for it alone, or none, as the settings say", async () => {
  await change({ reuse: { mode: "asked" } });
  const asked = await api.replica();
  await computed({ reuse: true });
  expect(await asked.submit(body, alice)).toMatchObject({ status: "queued" });
  expect(await asked.submit({ ...body, reuse: true }, alice)).toMatchObject({ cached: true });
  await change({ reuse: { mode: "off" } });
  const off = await api.replica();
  expect(await off.submit({ ...body, reuse: true }, alice)).toMatchObject({ status: "queued" });
  await change({ reuse: null });
  await vi.waitFor(async () => expect(await again()).toMatchObject({ cached: true }));
});

it("computes a thousand requests that come at once a single time", async () => {
  const jobs = await Promise.all(Array.from({ length: 1_000 }, () => again()));
  const claim = await api.worker.take();
  await api.worker.succeed(claim, "An animal");
  while ((await api.store.sweep({ retentionMs: 60_000, limit: 200 })).ended > 0);
  const ended = await Promise.all(jobs.map(({ id }) => api.job(id, "", alice)));
  expect(new Set(ended.map(({ status, output }) => `${status} ${JSON.stringify(output)}`)).size).toBe(1);
  expect(ended.filter(({ cached }) => !cached).map(({ id }) => id)).toEqual([claim.jobId]);
  expect(await state()).toMatchObject({ hit_rate: 0.999, models: [{ model: "tiny", coalesced: 999, misses: 1 }, {}] });
});

it("ends a wait for a job with the job that it waits for", async () => {
  const { id } = await again();
  const twin = await again();
  const claim = await api.worker.take();
  expect(claim.jobId).toBe(id);
  const waiting = api.job(twin.id, "?wait=30", alice);
  await api.worker.succeed(claim, "An animal");
  expect(await waiting).toMatchObject({ status: "succeeded", cached: true });
});

describe("embeddings", () => {
  const texts = { prompt: undefined, input: ["one", "two"] };

  it("are known by text: a request of texts that all were embedded is answered at once, in whatever order", async () => {
    api.worker.script = answering;
    const first = await api.job((await again(texts)).id, "?wait=10", alice);
    const hit = await again({ ...texts, input: ["two", "one", "two"] });
    expect(hit).toMatchObject({ status: "succeeded", cached: true, usage: { prompt_tokens: 3, cached_tokens: 3 } });
    const [vector] = first.output !== null && "embeddings" in first.output ? first.output.embeddings : [];
    expect(hit.output).toEqual({ embeddings: Array.from({ length: 3 }, () => vector?.map(Math.fround)) });
    expect((await state()).models[0]).toMatchObject({ hits: 1, misses: 1, entries: 2, input_hits: 2 });
  });

  it("are computed where one text is new", async () => {
    api.worker.script = answering;
    await api.job((await again(texts)).id, "?wait=10", alice);
    api.worker.script = null;
    expect(await again({ ...texts, input: ["one", "three"] })).toMatchObject({ status: "queued" });
    expect(await again(texts, bob)).toMatchObject({ status: "queued" });
  });
});

describe("calls in OpenAI's form", () => {
  const call = { model: "tiny", messages: [{ role: "user" as const, content: "hi" }], temperature: 0 };
  async function listening() {
    api.worker.script = answering;
    const server = await api.listen();
    return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "alice-secret", maxRetries: 0 });
  }

  it("are answered again, as a whole and as a stream", async () => {
    const client = await listening();
    const first = await client.chat.completions.create(call);
    api.worker.script = null;
    const hit = await client.chat.completions.create(call);
    expect(hit.choices).toEqual(first.choices);
    expect(hit.usage?.prompt_tokens_details?.cached_tokens).toBe(hit.usage?.prompt_tokens);
    const stream = client.chat.completions.stream({ ...call, stream_options: { include_usage: true } });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(first.choices[0]?.message.content);
    const response = await client.responses.create({ model: "tiny", input: "hi", temperature: 0 });
    expect(response.output_text).toBe(first.choices[0]?.message.content);
  });

  it("are computed with the temperature that OpenAI has as its default, or when they say so", async () => {
    const client = await listening();
    const ids = async (id: string) => (await api.job(id, "", alice)).cached;
    const { temperature: _, ...drawn } = call;
    await client.chat.completions.create(call);
    for (const [asked, headers] of [
      [drawn, {}],
      [Object.assign({ reuse: false }, call), {}],
      [call, { "x-llamero-reuse": "false" }],
    ] as const)
      expect(await ids((await client.chat.completions.create(asked, { headers })).id)).toBe(false);
    expect(await ids((await client.chat.completions.create(call)).id)).toBe(true);
  });

  it("embed texts that are known, in whatever form they are wanted", async () => {
    const client = await listening();
    const first = await client.embeddings.create({ model: "tiny", input: ["a", "b"] });
    api.worker.script = null;
    const hit = await client.embeddings.create({ model: "tiny", input: ["b", "a"] });
    expect(hit.data.map(({ embedding }) => embedding)).toEqual(first.data.map(({ embedding }) => embedding));
  });
});

describe("administrators", () => {
  it("see what is kept, and have it forgotten, which is noted", async () => {
    await computed();
    await again();
    await change({ reuse: { ttl_seconds: 60, max_bytes: 5_000 } });
    const before = await state();
    expect(before).toMatchObject({ object: "reuse", mode: "all", ttl_seconds: 60, max_bytes: 5_000, entries: 1, hit_rate: 0.5 });
    expect(before.bytes).toBeGreaterThan(300);
    const headers = await admin();
    const answer = await api.request("/v1/admin/reuse", { method: "DELETE", headers });
    expect(await answer.json()).toEqual({ object: "reuse.forgotten", forgotten: 1 });
    const audit = (await (await api.request("/v1/admin/audit?limit=1", { headers })).json()) as { data: object[] };
    expect(audit.data).toMatchObject([{ action: "reuse.forget", target: "1" }]);
    expect(await state()).toMatchObject({ entries: 0, bytes: 0, models: [{ hits: 1 }, {}] });
  });

  it("alone may do so", async () => {
    for (const method of ["GET", "DELETE"]) {
      const refused = await api.request("/v1/admin/reuse", { method, headers: alice });
      expect(refused.status).toBe(403);
    }
  });
});
